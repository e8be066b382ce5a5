"""What the log tells, all of it: a stable name, the logger, the level and the text of each event.

docs/observing.md explains them. No field holds a query, a header, a body or a token.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import NamedTuple

_CALLS = logging.getLogger("pixxel_async.calls")
_PAGING = logging.getLogger("pixxel_async.paging")
_GEOMETRY = logging.getLogger("pixxel_async.geometry")
_POLLING = logging.getLogger("pixxel_async.polling")
_DOWNLOADS = logging.getLogger("pixxel_async.downloads")
_CALLBACKS = logging.getLogger("pixxel_async.callbacks")


class LogEvent(NamedTuple):
    """A kind of log record. Its fields fill the text, and stand in the record's attribute `pixxel` for other programs."""

    name: str
    logger: logging.Logger
    level: int
    text: str

    @property
    def is_on(self) -> bool:
        """Whether anybody wants to hear of it."""
        return self.logger.isEnabledFor(self.level)

    def __call__(self, error: BaseException | None = None, /, **fields: object) -> None:
        """Log it; `error` with its traceback. Never raises: a filter or record factory that fails must not end a call."""
        if self.is_on:
            try:
                self.logger.log(
                    self.level,
                    self.text,
                    fields,
                    exc_info=error,
                    extra={"pixxel": {"event": self.name, **fields}},
                    stacklevel=2,
                )
            except Exception:
                if (
                    logging.raiseExceptions and sys.stderr is not None
                ):  # as `logging.Handler.handleError` does
                    traceback.print_exc()


ATTEMPT = LogEvent(
    "call.attempt", _CALLS, logging.DEBUG, "%(method)s %(path)s: %(outcome)s in %(elapsed).3f s"
)
RETRY = LogEvent(
    "call.retry",
    _CALLS,
    logging.INFO,
    "%(method)s %(path)s: attempt %(attempt)d failed, the next begins in %(wait).1f s: %(reason)s",
)
CALL_RESENT = LogEvent(
    "call.repeated", _CALLS, logging.WARNING, "%(method)s %(path)s is sent a second time: %(reason)s"
)
CREATE_OUTCOME_UNKNOWN = LogEvent(
    "call.doubtful", _CALLS, logging.WARNING, "%(method)s %(path)s may have been executed: %(reason)s"
)
ENDPOINT_DEPRECATED = LogEvent(
    "call.retiring",
    _CALLS,
    logging.WARNING,
    "%(method)s %(path)s (%(operation)s) is %(said)s, says the API: look for a newer pixxel-async",
)
FIELD_UNREADABLE = LogEvent(
    "answer.unreadable",
    _CALLS,
    logging.WARNING,
    "%(operation)s: %(field)s cannot be read (%(problem)s): it is None, and its value is kept in `extra`",
)
SERVICE_DOWN = LogEvent(
    "service.down",
    _CALLS,
    logging.WARNING,
    "%(what)s is down: %(failures)d attempts in a row failed (the last: %(last)s); its calls end at once until a trial succeeds",
)
SERVICE_BACK = LogEvent("service.back", _CALLS, logging.WARNING, "%(what)s is back after %(elapsed).0f s")
FORGOTTEN = LogEvent(
    "call.forgotten",
    _CALLS,
    logging.WARNING,
    "more than %(most)d creates are unresolved: client.unresolved forgets the oldest",
)

LISTING_UNSTABLE = LogEvent(
    "listing.moving",
    _PAGING,
    logging.WARNING,
    "%(listing)s: its rows change their places all the time; some may be missing",
)
OFFSET_IGNORED = LogEvent(
    "listing.offset_ignored",
    _PAGING,
    logging.WARNING,
    "%(listing)s: ignores the offset; its one short page is taken for the whole",
)
ROWS_MISSING = LogEvent(
    "listing.rows_missing",
    _PAGING,
    logging.WARNING,
    "%(operation)s: the answer has no key '%(key)s'; the listing counts as empty",
)
LISTING_TRUNCATED = LogEvent(
    "listing.cut_short",
    _PAGING,
    logging.WARNING,
    "%(listing)s: empty page after %(items)d of %(total)d items; stopped",
)
NO_FURTHER_PAGE = LogEvent(
    "listing.no_further_page",
    _PAGING,
    logging.WARNING,
    "%(listing)s: %(items)d of %(total)d items; the API offers no further page: use a larger page_size (up to %(most)d) or narrow the search",
)

ALTITUDES = LogEvent(
    "input.altitudes",
    _GEOMETRY,
    logging.WARNING,
    "%(place)saltitudes are left out, the API takes longitude and latitude",
)

WAIT_BEGUN = LogEvent("wait.begun", _POLLING, logging.DEBUG, "%(kind)s %(id)s: the wait begins")
WAIT_CHANGED = LogEvent("wait.changed", _POLLING, logging.DEBUG, "%(kind)s %(id)s: %(status)s")
WAIT_ENDED = LogEvent(
    "wait.ended", _POLLING, logging.INFO, "%(kind)s %(id)s: the wait ends after %(elapsed).0f s: %(end)s"
)
POLL_FAILED = LogEvent(
    "wait.look_failed",
    _POLLING,
    logging.INFO,
    "%(kind)s %(id)s: a poll failed, the wait continues: %(reason)s",
)
LISTING_FAILED = LogEvent(
    "wait.sweep_failed",
    _POLLING,
    logging.INFO,
    "%(kind)s: the list request for %(waits)d waits failed, polling them individually: %(reason)s",
)
LISTING_REFUSED = LogEvent(
    "wait.sweep_refused",
    _POLLING,
    logging.WARNING,
    "%(kind)s: list request rejected, polling %(waits)d waits individually: %(reason)s",
)
LISTING_STALE = LogEvent(
    "wait.sweep_stale",
    _POLLING,
    logging.WARNING,
    "%(kind)s %(id)s: its listing is stale, polling %(waits)d waits individually until it is up to date",
)
UNKNOWN_STATUS = LogEvent(
    "wait.unknown_status",
    _POLLING,
    logging.WARNING,
    "%(kind)s %(id)s: unknown status %(status)s counts as in flight",
)

DOWNLOAD_BEGUN = LogEvent("download.begun", _DOWNLOADS, logging.DEBUG, "%(file)s: from %(source)s")
DOWNLOAD_RESUMED = LogEvent(
    "download.resumed", _DOWNLOADS, logging.INFO, "%(file)s: goes on after %(size)d bytes"
)
DOWNLOAD_BROKEN = LogEvent(
    "download.broken", _DOWNLOADS, logging.INFO, "%(file)s: broke off, %(kept)d bytes are kept: %(reason)s"
)
DOWNLOAD_REFRESHED = LogEvent(
    "download.refreshed", _DOWNLOADS, logging.INFO, "%(file)s: has a new link, %(source)s"
)
DOWNLOAD_FINISHED = LogEvent(
    "download.finished", _DOWNLOADS, logging.INFO, "%(file)s: %(size)d bytes, whole, in %(elapsed).1f s"
)

CALLBACK_FAILED = LogEvent(
    "callback.failed",
    _CALLBACKS,
    logging.ERROR,
    "%(callback)s failed: the call goes on, and further failures of it are not told",
)
HOOK_FAILED = LogEvent(
    "hook.failed",
    _CALLBACKS,
    logging.ERROR,
    "code that runs around a request raised %(error)s; further failures at this place are not logged: %(traceback)s",
)
CALLBACK_SLOW = LogEvent(
    "callback.slow",
    _CALLBACKS,
    logging.WARNING,
    "%(callback)s kept the event loop for %(elapsed).1f s; further times are not told",
)

EVENTS = {event.name: event for event in list(globals().values()) if isinstance(event, LogEvent)}
"""All of them, by name."""
