"""Listings: pages are asked for as they are needed, whatever the style in which the API cuts them.

    async for order in client.orders.list(limit=50): ...
    orders = await client.orders.list(limit=50)

Rows are counted, not believed: the offset advances by the rows received, a row that comes twice is given out
once, rows that are deleted meanwhile hide no others, and a server that repeats itself ends in a `PaginationError`
instead of an endless loop.
"""

from __future__ import annotations

import asyncio
import copy
import operator
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Hashable, Mapping
from contextlib import aclosing
from functools import cache
from typing import Any, Generic, NoReturn, TypeVar

import attrs

from pixxel_async._base.log import LISTING_TRUNCATED, LISTING_UNSTABLE, NO_FURTHER_PAGE, OFFSET_IGNORED
from pixxel_async._base.shown import shown
from pixxel_async._http.operation import Operation, Paging, PagingStyle
from pixxel_async._resource.offset_window import Positions
from pixxel_async.errors import InvalidInput, PaginationError, SchemaError

T = TypeVar("T")
Send = Callable[[Operation[Any]], Awaitable[Any]]

PAGE_SIZE = 100
_LENS_PAGE_SIZE = 1000
_LARGEST_PAGE = 10_000
_BODY_STYLES: frozenset[PagingStyle] = frozenset({"offset-body", "stac-body"})
_WHOLE_STYLES: frozenset[PagingStyle] = frozenset({"single", "lens"})
"""Not asked for by position."""
_STAC_STYLES: frozenset[PagingStyle] = frozenset({"stac-query", "stac-body"})


@attrs.frozen
class Page(Generic[T]):
    """One page of a listing."""

    items: list[T]
    """Its items, without those that an earlier page held and those beyond the limit."""
    total: int | None
    """How many items there are in all, as the server says; None where it does not."""
    number: int
    """1 for the first page."""
    answer: Any
    """The answer model of this page, as received."""


class Paginator(Generic[T]):
    """A listing that nobody has asked for yet: `async for` walks it, `await` collects it, `.pages()` goes by pages.

    Nothing is sent before that, and each new iteration starts from the beginning.
    """

    def __init__(
        self,
        send: Send,
        operation: Operation[Any],
        *,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> None:
        """Raises `InvalidInput` for a negative `limit` and a `page_size` outside 1-10000."""
        if operation.endpoint.paging is None:
            raise InvalidInput(f"{operation.endpoint.id} is not a listing: it states no paging")
        self._send = send
        self._operation = operation
        self._limit = None if limit is None else _integer("limit", limit, least=0)
        self._page_size = (
            _default_page_size(operation.endpoint.paging, self._limit)
            if page_size is None
            else _integer("page_size", page_size, least=1, most=_LARGEST_PAGE)
        )
        self._prefetch = prefetch

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """Walk page by page. The first page comes even when it is empty."""
        cursor = _Cursor(self._operation, self._limit, self._page_size)
        ahead: asyncio.Future[Any] | None = None
        try:
            while not cursor.done:
                answer = await (ahead or self._send(cursor.operation()))
                ahead = None
                page = cursor.take(answer)
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

    def __await__(self) -> Generator[Any, None, list[T]]:
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
    # A lens answer is usually the only page: whoever wants 5,000 images must ask for them at once.
    return _LENS_PAGE_SIZE if limit is None else min(max(limit, 1), _LARGEST_PAGE)


async def _drop(task: asyncio.Future[Any]) -> None:
    """Cancel a request made ahead, and take its result so that nobody is warned about it."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


class _Cursor:
    """Where a walk stands: gives the operation of the next page, takes its answer, knows when it is over."""

    def __init__(self, operation: Operation[Any], limit: int | None, page_size: int) -> None:
        assert operation.endpoint.paging is not None
        self._first = operation
        self._paging = operation.endpoint.paging
        self._left = limit
        self._positions = Positions(page_size, overlap=self._paging.style not in _WHOLE_STYLES)
        self._seen: set[Hashable] = set()
        self._previous: list[Any] | None = None
        self._asked = 0
        self._token: str | None = None
        self._given = 0
        self._pages_without_news = 0
        self._empty_pages = 0
        self.done = limit == 0

    def operation(self) -> Operation[Any]:
        """The call for the next page; hardly larger than what is still wanted."""
        style = self._paging.style
        if style == "single":
            return self._first
        if style == "page-number":
            number, self._asked = self._positions.numbered(self._left)
            return self._with_query(page_num=number, page_size=self._asked)
        start, self._asked = self._positions.window(self._left)
        if style == "lens":
            return self._with_lens_body()
        window = {"offset": start, "limit": self._asked}
        if style in _BODY_STYLES:
            return attrs.evolve(self._first, body=_changed(self._first.body, window))
        return self._with_query(**window)

    def _with_query(self, **values: int) -> Operation[Any]:
        return attrs.evolve(self._first, query={**self._first.query, **values})

    def _with_lens_body(self) -> Operation[Any]:
        body = _changed(self._first.body, {"limit": self._asked})
        if self._token is not None:
            # The vendor's schema has no such property, its prose does: it goes as an unknown key.
            body.extra = {**(body.extra or {}), "next_token": self._token}
        return attrs.evolve(self._first, body=body)

    def take(self, answer: Any) -> Page[Any] | None:
        """Note what came and decide how to go on. None for a later page that brought nothing new."""
        rows = self._rows(answer)
        total = self._total(answer)
        if self._is_gap(rows, total):
            return None
        repeated, self._previous = rows == self._previous, rows
        fresh = [] if repeated else self._fresh(rows)
        if self._left is not None:
            fresh = fresh[: self._left]
            self._left -= len(fresh)
        self._go_on(rows, fresh, total, answer, repeated=repeated)
        if self._given and not fresh:
            return None
        self._given += 1
        return Page(fresh, total, self._given, answer)

    def _is_gap(self, rows: list[Any], total: int | None) -> bool:
        """Whether rows before these were missed, and an earlier page comes next."""
        is_known = bool(rows) and _identity(rows[0]) in self._seen
        if not self._positions.is_gap(len(rows), total, is_known=is_known):
            return False
        if self._positions.step_back(total):
            return True
        LISTING_UNSTABLE(listing=str(self._first))
        return False

    def _rows(self, answer: Any) -> list[Any]:
        value = getattr(answer, self._paging.items)
        if value is None:
            self._refuse_other_key(answer)
            return []
        return list(value.values()) if isinstance(value, Mapping) else list(value)

    def _refuse_other_key(self, answer: Any) -> None:
        """Rows under another key are no empty listing."""
        container = dict if self._paging.style == "lens" else list
        other = [key for key, value in (answer.extra or {}).items() if value and isinstance(value, container)]
        if other:
            raise SchemaError(
                f"$.{self._paging.items} is missing, and the unknown key {other[0]!r} may hold the items",
                endpoint=self._first.endpoint.id,
                method=self._first.endpoint.method,
                path=self._first.endpoint.path.format_map(self._first.path),
            )

    def _total(self, answer: Any) -> int | None:
        if not self._paging.total:
            return None
        value = answer
        for name in self._paging.total:
            value = getattr(value, name, None)
        return value if type(value) is int and value >= 0 else None

    def _fresh(self, rows: list[Any]) -> list[Any]:
        """The rows that no earlier page held."""
        identities = [_identity(row) for row in rows]
        fresh = [row for row, known in zip(rows, identities, strict=True) if known not in self._seen]
        if None in identities:
            self._positions.overlap = False
        self._seen.update(known for known in identities if known is not None)
        return fresh

    def _go_on(
        self, rows: list[Any], fresh: list[Any], total: int | None, answer: Any, *, repeated: bool
    ) -> None:
        style = self._paging.style
        got_farther = self._positions.advance(len(rows), total)
        self._token = _next_token(answer) if style == "lens" else None
        if style == "single" or self._left == 0:
            self.done = True
        elif style == "lens" and self._token is None:
            self.done = True
            self._warn_if_cut(total)
        elif fresh:
            self._pages_without_news = self._empty_pages = 0
            self.done = self._is_last(rows, total, answer)
        elif style == "lens" or got_farther:
            self._without_news(rows, total, repeated=repeated)
        elif not (self._positions.is_catching_up and len(rows) >= self._asked):
            self._empty(total)

    def _is_last(self, rows: list[Any], total: int | None, answer: Any) -> bool:
        if self._paging.style in _STAC_STYLES:
            return len(rows) < self._asked and not _has_next_link(answer)
        if self._paging.style == "lens" or not total:
            # A total of 0 beside rows is no total. Without one only an empty page is the end: a short
            # page may be the server's own maximum.
            return False
        return self._positions.end >= total

    def _without_news(self, rows: list[Any], total: int | None, *, repeated: bool) -> None:
        self._pages_without_news += 1
        if total is None and rows and len(rows) < self._asked:
            if repeated:
                OFFSET_IGNORED(listing=str(self._first))
            self.done = True
        elif self._pages_without_news == 2:
            raise PaginationError(
                f"{self._first} does not advance: two pages in a row held nothing new, the last at offset {self._positions.end}"
            )

    def _empty(self, total: int | None) -> None:
        self._empty_pages += 1
        if total is None or total <= self._positions.end:
            self.done = True
        elif self._empty_pages == 2:
            LISTING_TRUNCATED(listing=str(self._first), items=self._positions.end, total=total)
            self.done = True

    def _warn_if_cut(self, total: int | None) -> None:
        if total is not None and total > self._positions.end:
            NO_FURTHER_PAGE(
                listing=str(self._first), items=self._positions.end, total=total, most=_LARGEST_PAGE
            )


def _changed(body: Any, values: Mapping[str, Any]) -> Any:
    """A copy of a request body with other paging values.

    Not `attrs.evolve`: it would convert and check the whole body, large geometries too, once per page.
    """
    body = copy.copy(body)
    for name, value in values.items():
        setattr(body, name, value)
    return body


def _identity(row: Any) -> Hashable | None:
    """What makes a row the same row: `id`, or `aoi_id` in an `AOI`; STAC ids count within their collection."""
    kind: Any = type(row)
    identity: Hashable | None = _identity_of(kind)(row)
    return identity


@cache
def _identity_of(kind: Any) -> Callable[[Any], Any]:
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
    """The token of the next lens page: the vendor promises one in prose and says neither where nor how."""
    for place in (answer, getattr(answer, "pagination", None)):
        if place is not None:
            token = getattr(place, "next_token", None) or (place.extra or {}).get("next_token")
            if isinstance(token, str) and token:
                return token
    return None


def _has_next_link(answer: Any) -> bool:
    return any(link.rel == "next" for link in answer.links or ())
