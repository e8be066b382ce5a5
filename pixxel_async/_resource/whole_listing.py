"""Listings read completely as raw rows, with proof that no row is missing: for creates with unknown outcome.

An ordinary listing returns what it can read. Here a response without rows must not count as an empty listing: an absent
create is sent again, and paid for twice.
"""

from __future__ import annotations

import asyncio
import copy
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, get_args, get_origin

import attrs

from pixxel_async._codec import explaining
from pixxel_async._http.messages import id_in, rows_member
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import PAGE_SIZE, Paginator
from pixxel_async.errors import PaginationError, PixxelError, UnexpectedAnswer

Send = Callable[[Operation[Any]], Awaitable[Any]]
Problem = UnexpectedAnswer | PaginationError

# Keys in lower case without separators: next_token is nexttoken.
_REFUSAL = re.compile("errors?|messages?|detail|fault|exception")
"""Keys of a response that reports a failure although its status is a success."""
_SUCCESS = re.compile("success|ok")
_TOTAL = re.compile("total|count|total(count|items|rows|results|records)")
_MORE = re.compile("(has)?(next|more).*|cursor|continuation.*|(is)?(truncated|partial|incomplete).*")
"""Keys with which a response states that rows are missing in it."""
_MOST_ROWS = 100_000
"""Rows after which a listing counts as endless."""


@attrs.frozen
class Row:
    """One row of a listing."""

    id: str
    raw: dict[str, object]
    """As the API sent it: an unreadable field hides no row."""


async def read_whole(
    send: Send, listing: Operation[Any], id: str, *, most: int | None = None
) -> tuple[list[Row], Problem | None]:
    """All rows of a listing, and what shows that some may be missing.

    Args:
        send: Makes a call.
        listing: The first call of the listing.
        id: Key of a row's id.
        most: Rows above which the listing is not worth reading.

    Raises:
        TooLong: The listing states a total above `most`.
        UnexpectedAnswer: A response has no rows.
        CallError: A request failed.
    """
    walk = _Walk(send, listing, id, most)
    try:
        rows: list[Row] = await Paginator(walk.send, listing)
    except PaginationError as error:
        return [], error.with_traceback(None)
    if walk.total is not None and len(rows) < walk.total:
        return rows, unproved(listing, f"it has {len(rows)} rows and states a total of {walk.total}")
    if walk.has_more:
        return rows, unproved(listing, "its last page states that more rows follow")
    return rows, None


Place = tuple[Hashable, ...]
"""Identifies a listing: its operation and the ids in its path."""


Query = tuple[tuple[str, object], ...]
"""The filters of a listing."""


def place_of(listing: Endpoint[Any], path: Mapping[str, str]) -> Place:
    """The place of a listing."""
    return listing.id, *sorted(path.items())


def unproved(listing: Operation[Any], problem: str) -> UnexpectedAnswer:
    """The error for a response that does not prove which rows a listing has."""
    endpoint = listing.endpoint
    return UnexpectedAnswer(
        f"the response does not prove which rows exist: {problem}",
        endpoint=endpoint.id,
        method=endpoint.method,
        path=endpoint.path.format_map(listing.path),
    )


class TooLong(Exception):
    """A listing with more rows than are worth reading."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.total = total


class _Walk:
    """Requests the pages of one listing, and checks each."""

    def __init__(self, send: Send, listing: Operation[Any], id: str, most: int | None) -> None:
        self._send = send
        self._listing = listing
        self._id = id
        self._most = most
        self._ids: set[str] = set()
        self.total: int | None = None
        """The last total that a response stated, unless the rows contradict it."""
        self.has_more = False

    async def send(self, operation: Operation[Any]) -> SimpleNamespace:
        """The response with a page, in the shape that a `Paginator` reads."""
        raw = await self._send(attrs.evolve(operation, endpoint=_raw(operation.endpoint)))
        key = rows_member(self._listing.endpoint).wire
        rows = self._rows(raw, key)
        self._ids.update(row.id for row in rows)
        facts = [*_facts({name: value for name, value in raw.items() if name != key})]
        stated = _stated_total(facts)
        self._check_size(stated)
        self.has_more = any(
            (value and _MORE.fullmatch(name)) or (name, value) == ("rel", "next") for name, value in facts
        )
        paging = operation.endpoint.paging
        assert paging is not None
        return _page(paging, rows, stated)

    def _check_size(self, stated: int | None) -> None:
        """Keep a total that the rows do not contradict; raise if there are too many rows."""
        if stated is not None and stated >= len(self._ids):
            self.total = stated
        if self._most is not None and self.total is not None and self.total > self._most:
            raise TooLong(self.total)
        if len(self._ids) > _MOST_ROWS:
            raise unproved(self._listing, f"it has more than {_MOST_ROWS} rows")

    def _rows(self, raw: dict[str, object], key: str) -> list[Row]:
        for name, value in raw.items():
            if value is not None and _REFUSAL.fullmatch(_folded(name)):
                raise unproved(
                    self._listing, f"it has the key {name!r}, which a response with rows does not have"
                )
            if value is False and _SUCCESS.fullmatch(_folded(name)):
                raise unproved(self._listing, f"its key {name!r} is false")
        rows = raw.get(key)
        if not isinstance(rows, list):
            raise unproved(
                self._listing, f"its key {key!r} is {'null' if key in raw else 'missing'}, or is not a list"
            )
        found = [Row(id, row) for row in rows if (id := id_in(row, self._id)) is not None]
        if len(found) < len(rows):
            raise unproved(self._listing, f"one of its rows has no {self._id!r}")
        return found


def _page(paging: Paging, rows: list[Row], total: int | None) -> SimpleNamespace:
    """A page as a `Paginator` reads it, with the rows and, if the listing states one, the total."""
    page = SimpleNamespace()
    if paging.total:
        *outer, last = paging.total
        inner = page
        for name in outer:
            setattr(inner, name, SimpleNamespace())
            inner = getattr(inner, name)
        setattr(inner, last, total)
    setattr(page, paging.items, rows)
    return page


def _stated_total(facts: list[tuple[str, object]]) -> int | None:
    totals = [total for name, value in facts if _TOTAL.fullmatch(name) for total in _counts(value)]
    return max(totals, default=None)


def _folded(key: str) -> str:
    return re.sub("[^a-z]", "", key.lower())


def _facts(answer: object) -> Iterator[tuple[str, object]]:
    """All keys in a JSON value, at any depth, with their values."""
    left = [answer]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield from ((_folded(key), each) for key, each in value.items())
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _counts(value: object) -> list[int]:
    """A number of rows, also from text; none if it is not such a number."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return [int(value[:18])]
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53:
        return [int(value)]
    return []


@cache
def _raw(endpoint: Endpoint[Any]) -> Endpoint[dict[str, object]]:
    """The endpoint with responses as received."""
    return attrs.evolve(endpoint, returns=dict, unwrap=None, paging=None)


def typed(endpoint: Endpoint[Any], row: Row) -> object:
    """A row as the listing's method returns it; None if it cannot be read."""
    declared = rows_member(endpoint).type
    alternatives = [declared, *get_args(declared)]
    [rows] = [each for each in alternatives if get_origin(each) is list]
    try:
        return explaining.read(row.raw, get_args(rows)[0])
    except explaining.StructureError:
        return None


class WholeListings:
    """Reads a listing once for all creates that wait for it at the same time."""

    def __init__(self) -> None:
        self._shared: dict[Place, _Shared] = {}

    async def rows(self, send: Send, listing: Operation[Any], id: str) -> list[Row]:
        """The rows of a listing; read after this was called.

        The filters (`query`) are left out in two cases: reading all rows takes fewer requests for several creates with
        different filters, or the stated total seems to count all rows.
        """
        place = place_of(listing.endpoint, listing.path)
        shared = self._shared.setdefault(place, _Shared())
        try:
            return await shared.rows(send, listing, id)
        finally:
            if not shared.waiting:
                self._shared.pop(place, None)


class _Shared:
    """One listing, and the creates that wait for it."""

    def __init__(self) -> None:
        self.waiting: Counter[Query] = Counter()
        """How many wait, by the filters of the listing."""
        self._lock = asyncio.Lock()
        self._asked = 0
        self._served: dict[Query, tuple[int, list[Row] | PixxelError]] = {}
        """By filters of a reading: how many had asked when it began, and its result."""
        self._total = 0

    async def rows(self, send: Send, listing: Operation[Any], id: str) -> list[Row]:
        self._asked += 1
        mine, query = self._asked, tuple(sorted(listing.query.items()))
        self.waiting[query] += 1
        try:
            async with self._lock:
                served = [self._served[key] for key in (query, ()) if key in self._served]
                outcomes = [outcome for asked, outcome in served if asked >= mine]
                outcome = outcomes[0] if outcomes else await self._walk(send, listing, id, query)
        finally:
            self.waiting[query] -= 1
            self.waiting += Counter()  # drops the queries that no task waits for
        if isinstance(outcome, PixxelError):
            raise copy.copy(outcome)  # others raise it too
        return outcome

    async def _walk(
        self, send: Send, listing: Operation[Any], id: str, query: Query
    ) -> list[Row] | PixxelError:
        asked = self._asked
        outcome: list[Row] | PixxelError
        try:
            is_narrowed, rows, problem = await self._read(send, listing, id)
        except PixxelError as error:
            is_narrowed, outcome = False, error.with_traceback(None)
        else:
            outcome = rows if problem is None else problem
        self._served[query if is_narrowed else ()] = asked, outcome
        return outcome

    async def _read(
        self, send: Send, listing: Operation[Any], id: str
    ) -> tuple[bool, list[Row], Problem | None]:
        """All rows if that serves several, or if the total of the filtered listing contradicts its rows."""
        everything = attrs.evolve(listing, query={})
        most = len(self.waiting) * PAGE_SIZE
        if listing.query and len(self.waiting) > 1 and self._total <= most:
            try:
                return False, *await read_whole(send, everything, id, most=most)
            except TooLong as too_long:
                self._total = too_long.total
        rows, problem = await read_whole(send, listing, id)
        if listing.query and problem is not None:
            return False, *await read_whole(send, everything, id)
        return bool(listing.query), rows, problem
