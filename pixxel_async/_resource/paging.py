"""Listings: pages are requested as they are needed, with any of the API's paging styles.

    async for order in client.orders.list(limit=50): ...
    orders = await client.orders.list(limit=50)

Offsets advance by the rows received, not by the server's counts. A duplicate row is yielded once. Rows that are
deleted meanwhile hide no others. A server that repeats itself causes a `PaginationError`, not an endless loop.
"""

from __future__ import annotations

import asyncio
import copy
import operator
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Hashable, Mapping
from contextlib import aclosing
from functools import cache
from math import inf
from typing import Any, Generic, NoReturn, TypeVar

import attrs

from pixxel_async._base.log import LISTING_TRUNCATED, LISTING_UNSTABLE, NO_FURTHER_PAGE, OFFSET_IGNORED
from pixxel_async._base.shown import shown
from pixxel_async._codec.model import Model
from pixxel_async._http.operation import Operation, Paging, PagingStyle
from pixxel_async.errors import InvalidInput, PaginationError, SchemaError

T = TypeVar("T")
Send = Callable[[Operation[Any]], Awaitable[Any]]

PAGE_SIZE = 100
_LENS_PAGE_SIZE = 1000
_LARGEST_PAGE = 10_000
_BODY_STYLES: frozenset[PagingStyle] = frozenset({"offset-body", "stac-body"})
_WHOLE_STYLES: frozenset[PagingStyle] = frozenset({"single", "lens"})
"""Not requested by position."""
_STAC_STYLES: frozenset[PagingStyle] = frozenset({"stac-query", "stac-body"})
_MOST_GAPS = 20
"""Gaps that a shorter listing does not explain; after this many the rows have no stable order."""


@attrs.frozen
class Page(Generic[T]):
    """One page of a listing."""

    items: list[T]
    """Its items, without those of earlier pages and those beyond the limit."""
    total: int | None
    """Total number of items as the server states it; None if it does not."""
    number: int
    """1 for the first page."""
    answer: Any
    """The response model of this page, as received."""


class Paginator(Generic[T]):
    """A listing that has not started: `async for` yields items, `await` collects them, `.pages()` yields pages.

    Nothing is sent before that, and each iteration starts from the beginning.
    """

    def __init__(
        self,
        send: Send,
        operation: Operation[Any],
        *,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
        make_body: Callable[[], Model | None] | None = None,
    ) -> None:
        """Raises `InvalidInput` for a negative `limit` and a `page_size` outside 1-10000.

        `make_body` makes the body of the operation in a thread, when the listing is read.
        """
        if operation.endpoint.paging is None:
            raise InvalidInput(f"{operation.endpoint.id} is not a listing: it has no paging")
        self._send = send
        self._operation = operation
        self._make_body = make_body
        self._limit = None if limit is None else _integer("limit", limit, least=0)
        self._page_size = (
            _default_page_size(operation.endpoint.paging, self._limit)
            if page_size is None
            else _integer("page_size", page_size, least=1, most=_LARGEST_PAGE)
        )
        self._prefetch = prefetch

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """Iterate over the pages. The first page is yielded even if it is empty."""
        if self._make_body is not None:  # a later walk has the body of the first
            self._operation = attrs.evolve(self._operation, body=await asyncio.to_thread(self._make_body))
            self._make_body = None
        cursor = _Cursor(self._operation, self._limit, self._page_size)
        ahead: asyncio.Future[Any] | None = None
        try:
            while not cursor.done:
                answer = await (ahead or self._send(cursor.operation()))
                ahead = None
                page = cursor.receive(answer)
                if self._prefetch and not cursor.done:
                    ahead = asyncio.ensure_future(self._send(cursor.operation()))
                if page is not None:
                    yield page
        finally:
            if ahead is not None:
                await _drop(ahead)

    async def _items(self) -> AsyncGenerator[T, None]:
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for item in page.items:
                    yield item

    def __aiter__(self) -> AsyncGenerator[T, None]:
        return self._items()

    async def _collect(self) -> list[T]:
        return [item async for page in self.pages() for item in page.items]

    def __await__(self) -> Generator[object, None, list[T]]:
        return self._collect().__await__()

    def __iter__(self) -> NoReturn:
        raise TypeError(
            "a listing is asynchronous: write `async for item in listing:`, or `items = await listing` for a list"
        )

    def __repr__(self) -> str:
        return f"<Paginator {self._operation}>"


def _integer(name: str, value: int, *, least: int, most: int | None = None) -> int:
    allowed = f"of {least} or more" if most is None else f"from {least} to {most}"
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        raise InvalidInput(f"{name}={shown(value)}: give a whole number {allowed}, or leave it out")
    return number


def _default_page_size(paging: Paging, limit: int | None) -> int:
    if paging.style != "lens":
        return PAGE_SIZE
    # A lens response is usually the only page: a limit of 5,000 images must go into one request.
    return _LENS_PAGE_SIZE if limit is None else min(max(limit, 1), _LARGEST_PAGE)


async def _drop(task: asyncio.Future[Any]) -> None:
    """Cancel a prefetched request, and take its result so that asyncio does not warn about it."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


class OffsetWindow:
    """Which rows to request next, in a listing that is requested by position.

    Each page begins with the last row of the page before. A deletion moves later rows forward and can hide one between
    two pages. The next page then begins with an unknown row, and the iteration returns for the missing rows.
    """

    def __init__(self, size: int, *, overlap: bool, aligned: bool) -> None:
        self.size = size
        """Most rows to request at once."""
        self.overlap = overlap
        """Whether pages begin with a known row. Switch it off for rows without an identity."""
        self.aligned = aligned
        """Whether a page may start only at a multiple of its length: for page numbers, and servers that round offsets."""
        self.start = self.asked = 0
        """Of the requested page: the number of rows before it, and its length."""
        self.end = 0
        """Position after the last row received; after a gap, where to resume."""
        self._farthest = 0
        self._longest = 0
        self._total: int | None = None
        self._gaps = 0

    def move(self, left: int | None) -> None:
        """Go to the next page of a listing from which `left` rows are still wanted."""
        # With pages of one row there would be no progress.
        overlaps = self.overlap and self._longest > 1 and self.end > 0
        self.start = self.end - 1 if overlaps else self.end
        wanted = inf if left is None else self._farthest + left
        self.asked = int(min(self.size, wanted - self.start))
        if self.aligned:
            self._align(wanted)

    def _align(self, wanted: float) -> None:
        """Choose the aligned page that just reaches `wanted`, else the farthest; with an overlap if it then reaches new rows."""
        for start in (self.start, self.end):
            pages = [(start // length * length, length) for length in range(1, self.size + 1)]
            enough = [page for page in pages if sum(page) >= wanted]
            self.start, self.asked = min(enough, key=sum) if enough else max(pages, key=sum)
            if self.start + self.asked > self.end:
                break

    def has_gap(self, count: int, total: int | None, *, is_known: bool) -> bool:
        """Whether rows may be missing before a page of `count` rows; `is_known` is about its first row."""
        if not 0 < self.start < self.end:
            return False
        if not count:  # even the known row is missing: the listing became shorter, or the server is at fault
            return total is None or total <= self.end
        return not is_known

    def step_back(self, total: int | None) -> bool:
        """Resume at an earlier page: the one before, or the first; False after too many gaps that no deletion explains."""
        if total is None or self._total is None or total >= self._total:
            self._gaps += 1
        self._total = total
        if self._gaps > _MOST_GAPS:
            self.overlap = False
            return False
        self.end = 0 if self.end < self._farthest else max(0, self.end - self.size)
        return True

    def accept_rounding(self, place: int | None) -> bool:
        """Use aligned pages if the server rounded the offset, so that the page begins with the row at `place`. Returns whether."""
        if self.aligned or place is None or not place == self.start // self.asked * self.asked < self.start:
            return False
        self.aligned, self.start = True, place
        return True

    def advance(self, count: int, total: int | None) -> bool:
        """Advance past a page of `count` rows; returns whether it reached farther than all before."""
        self._total = total
        if not count:
            return False
        self.end = self.start + count
        self._longest = max(self._longest, count)
        if self.aligned and count < self.asked:  # perhaps the server's maximum, which is then its page length
            self.size = min(self.size, self._longest)
        is_farther = self.end > self._farthest
        self._farthest = max(self._farthest, self.end)
        return is_farther


class _Cursor:
    """Makes the operation of the next page, reads its response, and detects the end of the listing."""

    def __init__(self, operation: Operation[Any], limit: int | None, page_size: int) -> None:
        assert operation.endpoint.paging is not None
        self._first = operation
        self._paging = operation.endpoint.paging
        self._left = limit
        self._window = OffsetWindow(
            page_size,
            overlap=self._paging.style not in _WHOLE_STYLES,
            aligned=self._paging.style == "page-number",
        )
        self._seen: dict[Hashable, int] = {}
        """By identity of a row: its position in the listing."""
        self._previous: list[object] | None = None
        self._token: str | None = None
        self._given = 0
        self._pages_without_news = 0
        self._empty_pages = 0
        self.done = limit == 0

    def operation(self) -> Operation[Any]:
        """The call for the next page; hardly larger than the rows still wanted."""
        style, window = self._paging.style, self._window
        if style == "single":
            return self._first
        window.move(self._left)
        if style == "page-number":
            return self._with_query(page_num=window.start // window.asked + 1, page_size=window.asked)
        if style == "lens":
            return self._with_lens_body()
        values = {"offset": window.start, "limit": window.asked}
        if style in _BODY_STYLES:
            return attrs.evolve(self._first, body=_changed(self._first.body, values))
        return self._with_query(**values)

    def _with_query(self, **values: int) -> Operation[Any]:
        return attrs.evolve(self._first, query={**self._first.query, **values})

    def _with_lens_body(self) -> Operation[Any]:
        body = _changed(self._first.body, {"limit": self._window.asked})
        if self._token is not None:
            # The vendor's schema does not have this property, its prose does: it is sent as an unknown key.
            body.extra = {**(body.extra or {}), "next_token": self._token}
        return attrs.evolve(self._first, body=body)

    def receive(self, answer: Any) -> Page[Any] | None:
        """Read the response and decide how to continue. None for a later page without new rows."""
        rows, total, window = self._rows(answer), self._total(answer), self._window
        identities = [_identity(row) for row in rows]
        place = self._seen.get(identities[0]) if rows else None
        if window.has_gap(len(rows), total, is_known=place is not None):
            if window.step_back(total):
                return None
            LISTING_UNSTABLE(listing=str(self._first))
        is_rounded = window.accept_rounding(place)
        repeated, self._previous = rows == self._previous, rows
        fresh = [] if repeated else self._fresh(rows, identities)
        if self._left is not None:
            fresh = fresh[: self._left]
            self._left -= len(fresh)
        is_farther = window.advance(len(rows), total) or is_rounded
        self._token = _next_token(answer) if self._paging.style == "lens" else None
        if self._left == 0 or self._paging.style == "single":
            self.done = True
        elif self._paging.style == "lens" and self._token is None:
            self._warn_if_cut(total)
            self.done = True
        elif fresh:
            self._pages_without_news = self._empty_pages = 0
            self.done = self._is_last(len(rows), total, answer)
        else:
            self.done = self._is_end(len(rows), total, repeated=repeated, is_farther=is_farther)
        if self._given and not fresh:
            return None
        self._given += 1
        return Page(fresh, total, self._given, answer)

    def _rows(self, answer: object) -> list[Any]:
        value = getattr(answer, self._paging.items)
        if value is None:
            self._refuse_other_key(answer)
            return []
        return list(value.values()) if isinstance(value, Mapping) else list(value)

    def _refuse_other_key(self, answer: Any) -> None:
        """Rows under another key are not an empty listing."""
        container = dict if self._paging.style == "lens" else list
        other = [key for key, value in (answer.extra or {}).items() if value and isinstance(value, container)]
        if other:
            raise SchemaError(
                f"$.{self._paging.items} is missing, and the unknown key {other[0]!r} may hold the items",
                endpoint=self._first.endpoint.id,
                method=self._first.endpoint.method,
                path=self._first.endpoint.path.format_map(self._first.path),
            )

    def _total(self, answer: object) -> int | None:
        if not self._paging.total:
            return None
        value = answer
        for name in self._paging.total:
            value = getattr(value, name, None)
        return value if type(value) is int and value >= 0 else None

    def _fresh(self, rows: list[Any], identities: list[Hashable | None]) -> list[Any]:
        """The rows that no earlier page had."""
        fresh = [row for row, known in zip(rows, identities, strict=True) if known not in self._seen]
        if None in identities:
            self._window.overlap = False
        for place, known in enumerate(identities, self._window.start):
            if known is not None:
                self._seen[known] = place
        return fresh

    def _is_last(self, count: int, total: int | None, answer: object) -> bool:
        """Whether a page of `count` rows with new ones is the last."""
        if self._paging.style in _STAC_STYLES:
            return count < self._window.asked and not _has_next_link(answer)
        # A total of 0 beside rows is not a total. Without a total only an empty page is the end: a short
        # page may be the server's maximum.
        return bool(total) and self._paging.style != "lens" and self._window.end >= (total or 0)

    def _is_end(self, count: int, total: int | None, *, repeated: bool, is_farther: bool) -> bool:
        """Whether a page without new rows ends the listing; PaginationError after two that advanced."""
        if is_farther or self._paging.style == "lens":
            return self._is_whole(count, total, repeated=repeated)
        return count < self._window.asked and self._is_empty(total)

    def _is_whole(self, count: int, total: int | None, *, repeated: bool) -> bool:
        self._pages_without_news += 1
        if total is None and 0 < count < self._window.asked:
            if repeated:
                OFFSET_IGNORED(listing=str(self._first))
            return True
        if self._pages_without_news == 2:
            raise PaginationError(
                f"{self._first} does not advance: two pages in a row had no new rows, the last at offset {self._window.end}"
            )
        return False

    def _is_empty(self, total: int | None) -> bool:
        self._empty_pages += 1
        if total is None or total <= self._window.end:
            return True
        if self._empty_pages == 2:
            LISTING_TRUNCATED(listing=str(self._first), items=self._window.end, total=total)
            return True
        return False

    def _warn_if_cut(self, total: int | None) -> None:
        if total is not None and total > self._window.end:
            NO_FURTHER_PAGE(listing=str(self._first), items=self._window.end, total=total, most=_LARGEST_PAGE)


def _changed(body: Any, values: Mapping[str, object]) -> Any:
    """A copy of a request body with other paging values.

    Not `attrs.evolve`: it would convert and check the whole body, large geometries too, once per page.
    """
    body = copy.copy(body)
    for name, value in values.items():
        setattr(body, name, value)
    return body


def _identity(row: object) -> Hashable | None:
    """The identity of a row: `id`, or `aoi_id` in an `AOI`; STAC ids are unique within their collection."""
    kind: Any = type(row)  # mypy finds no hash in a class
    return _identity_of(kind)(row)


@cache
def _identity_of(kind: type) -> Callable[[Any], Hashable | None]:
    """How to read it; looked up once per class, since there may be millions of rows."""
    names = ("id", f"{kind.__name__.casefold()}_id")
    name = next((name for name in names if hasattr(kind, name)), None)
    if name is None:
        return lambda row: None
    value = operator.attrgetter(name)
    if not hasattr(kind, "collection"):
        return value
    return lambda row: None if value(row) is None else (row.collection, value(row))


def _next_token(answer: Any) -> str | None:
    """The token of the next lens page: the vendor promises one in prose and does not document where it is."""
    for place in (answer, getattr(answer, "pagination", None)):
        if place is not None:
            token = getattr(place, "next_token", None) or (place.extra or {}).get("next_token")
            if isinstance(token, str) and token:
                return token
    return None


def _has_next_link(answer: Any) -> bool:
    return any(link.rel == "next" for link in answer.links or ())
