"""What the log says about answers, each warning once per client: unreadable fields, missing rows, operations that will end."""

from __future__ import annotations

from typing import Any

from pixxel_async._base.log import ENDPOINT_DEPRECATED, FIELD_UNREADABLE, ROWS_MISSING, LogEvent
from pixxel_async._codec.explaining import OnUnreadable
from pixxel_async._http.messages import Redact, Response, lacks_rows, retirement, rows_member
from pixxel_async._http.operation import Endpoint


class AnswerWarnings:
    """The warnings of one client.

    Args:
        redact: Takes the token out of a text.
    """

    def __init__(self, redact: Redact = str) -> None:
        self._redact = redact
        self._logged: set[tuple[str, ...]] = set()

    def unreadable_field_of(self, endpoint: Endpoint[Any]) -> OnUnreadable:
        """The function to call with the path of an unreadable field in an answer of this endpoint, and its problem."""

        def warn(field: str, problem: str) -> None:
            if self._is_first(FIELD_UNREADABLE, endpoint, field):
                FIELD_UNREADABLE(operation=endpoint.id, field=field, problem=problem)

        return warn

    def check_rows(self, endpoint: Endpoint[Any], result: Any, response: Response) -> None:
        """Warn if the answer of a listing has no rows, not even an empty list."""
        if lacks_rows(endpoint, result, response) and self._is_first(ROWS_MISSING, endpoint):
            ROWS_MISSING(operation=endpoint.id, key=rows_member(endpoint).wire)

    def check_retirement(self, endpoint: Endpoint[Any], response: Response) -> None:
        """Warn if the API will remove this operation. Only in the log: a warning could end a call that was executed."""
        said = retirement(response.headers, self._redact)
        if said is not None and self._is_first(ENDPOINT_DEPRECATED, endpoint):
            ENDPOINT_DEPRECATED(operation=endpoint.id, method=endpoint.method, path=endpoint.path, said=said)

    def _is_first(self, event: LogEvent, endpoint: Endpoint[Any], *details: str) -> bool:
        key = (event.name, endpoint.id, *details)
        is_new = key not in self._logged
        self._logged.add(key)
        return is_new
