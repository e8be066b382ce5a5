"""The paginator: every style, every limit, and servers that count badly."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pixxel_async._codec.model import Model, model
from pixxel_async._http.operation import Endpoint, Operation, Paging, PagingStyle
from pixxel_async._resource.paging import Page, Paginator
from pixxel_async.errors import InvalidInput, PaginationError, SchemaError


@model
class Row(Model):
    id: str | None = None
    collection: str | None = None


@model
class AOI(Model):
    aoi_id: str | None = None


@model
class Link(Model):
    rel: str | None = None


@model
class Pagination(Model):
    total: int | None = None
    next_token: str | None = None


@model
class Answer(Model):
    rows: list[Any] | None = None
    items: dict[str, Any] | None = None
    pagination: Pagination | None = None
    count: int | None = None
    links: list[Link] | None = None


@model
class Search(Model):
    place: str | None = None
    limit: int | None = None
    offset: int | None = None


STYLES: tuple[PagingStyle, ...] = (
    "page-number",
    "offset-query",
    "offset-body",
    "stac-query",
    "stac-body",
    "lens",
    "single",
)
TOTALS = {
    "page-number": ("count",),
    "offset-query": ("pagination", "total"),
    "offset-body": ("pagination", "total"),
}


def listing(style: PagingStyle, **query: Any) -> Operation[Answer]:
    paging = Paging(style, "items" if style == "lens" else "rows", TOTALS.get(style, ()))
    if style == "lens":
        paging = attrs.evolve(paging, total=("pagination", "total"))
    endpoint = Endpoint("List", "GET", "/v0/rows", Answer, "read", paging=paging)
    body = Search(place="here") if style in ("offset-body", "stac-body", "lens") else None
    return Operation(endpoint, query=query, body=body)


def window(operation: Operation[Any]) -> tuple[int, int]:
    """Where a request's page begins, and how many rows it asks for."""
    if operation.body is not None:
        body = operation.body
        token = (body.extra or {}).get("next_token")
        return (int(token) if token else body.offset or 0), body.limit
    query = operation.query
    if "page_num" in query:
        return (query["page_num"] - 1) * query["page_size"], query["page_size"]
    return query.get("offset", 0), query.get("limit", 10**9)


class Server:
    """A listing as the API keeps it: `rows` in order, cut as each request asks, faults as switched on."""

    def __init__(
        self, style: PagingStyle, rows: list[Any], *, largest: int = 10**9, has_total: bool = True
    ) -> None:
        self.style = style
        self.rows = rows
        self.largest = largest
        self.has_total = has_total
        self.windows: list[tuple[int, int]] = []

    async def send(self, operation: Operation[Any]) -> Answer:
        self.windows.append(window(operation))
        await asyncio.sleep(0)
        return self.page(*self.windows[-1])

    def page(self, start: int, size: int) -> Answer:
        rows = self.rows[start : start + min(size, self.largest)]
        end = start + len(rows)
        total = len(self.rows) if self.has_total else None
        if self.style == "lens":
            token = str(end) if end < len(self.rows) else None
            return Answer(
                items={row.id: row for row in rows}, pagination=Pagination(total=total, next_token=token)
            )
        return Answer(rows=rows, count=total, pagination=Pagination(total=total))

    def paginator(self, **options: Any) -> Paginator[Row]:
        return Paginator(self.send, listing(self.style), **{"limit": None, "page_size": None, **options})


def some_rows(count: int) -> list[Row]:
    return [Row(id=f"r-{number}") for number in range(count)]


def ids(rows: list[Row]) -> list[str | None]:
    return [row.id for row in rows]


@given(
    style=st.sampled_from(STYLES),
    count=st.integers(0, 30),
    limit=st.none() | st.integers(0, 35),
    page_size=st.integers(1, 12),
    has_total=st.booleans(),
    prefetch=st.booleans(),
)
def test_any_listing_gives_exactly_its_first_rows_in_order(
    style: PagingStyle, count: int, limit: int | None, page_size: int, has_total: bool, prefetch: bool
) -> None:
    """Whatever the style, the size and the limit: the first `limit` rows, in order, and then an end."""
    server = Server(style, some_rows(count), has_total=has_total)
    paginator = server.paginator(limit=limit, page_size=page_size, prefetch=prefetch)

    async def walk() -> tuple[list[Row], list[Row]]:
        return await paginator, [row async for row in paginator]

    collected, walked = asyncio.run(walk())
    expected = ids(server.rows[:limit])
    assert expected == ids(collected)
    assert expected == ids(walked)


@given(
    style=st.sampled_from(STYLES[:5]),
    count=st.integers(0, 30),
    limit=st.integers(0, 35),
    page_size=st.integers(1, 12),
)
def test_little_more_is_asked_for_than_is_wanted(
    style: PagingStyle, count: int, limit: int, page_size: int
) -> None:
    """No request is larger than what is missing; page numbers round up by less than a row a page."""
    server = Server(style, some_rows(count))
    asyncio.run(server.paginator(limit=limit, page_size=page_size)._collect())
    spare = len(server.windows) - 1 if style == "page-number" else 0
    assert all(start + size <= limit + spare and size <= page_size for start, size in server.windows)


@pytest.mark.parametrize("style", ["offset-query", "offset-body"])
@given(count=st.integers(0, 30), largest=st.integers(1, 5), has_total=st.booleans())
def test_h5_h7_short_pages_lose_nothing(
    style: PagingStyle, count: int, largest: int, has_total: bool
) -> None:
    """A server with a smaller maximum than we ask for is followed at its own pace."""
    server = Server(style, some_rows(count), largest=largest, has_total=has_total)
    rows = asyncio.run(server.paginator(page_size=10)._collect())
    assert ids(server.rows) == ids(rows)


async def test_nothing_is_sent_until_it_is_walked_and_each_walk_starts_anew() -> None:
    server = Server("offset-query", some_rows(3))
    paginator = server.paginator()
    assert [] == server.windows
    assert ids(server.rows) == ids(await paginator) == ids(await paginator)
    assert [(0, 100), (0, 100)] == server.windows


async def test_a_plain_for_says_what_to_write() -> None:
    paginator = Server("single", []).paginator()
    with pytest.raises(TypeError, match=r"async for item in listing.*await listing"):
        list(paginator)


async def test_pages_are_numbered_and_know_the_total_and_their_answer() -> None:
    server = Server("page-number", some_rows(5))
    pages = [page async for page in server.paginator(page_size=2).pages()]
    assert [(1, 5, 2), (2, 5, 2), (3, 5, 1)] == [(page.number, page.total, len(page.items)) for page in pages]
    assert 5 == pages[0].answer.count


@pytest.mark.parametrize("style", STYLES)
async def test_an_empty_listing_is_one_empty_page(style: PagingStyle) -> None:
    server = Server(style, [])
    pages: list[Page[Row]] = [page async for page in server.paginator().pages()]
    assert [(1, [])] == [(page.number, page.items) for page in pages]
    assert 1 == len(server.windows)


async def test_filters_and_the_callers_own_body_stay_as_they_are() -> None:
    """The paging values go into copies."""
    sent: list[Operation[Any]] = []

    async def send(operation: Operation[Any]) -> Answer:
        sent.append(operation)
        return Answer()

    query = listing("offset-query", status="failed")
    body = listing("offset-body")
    await Paginator[Row](send, query, limit=7)
    await Paginator[Row](send, body, limit=7)
    assert [{"status": "failed", "offset": 0, "limit": 7}, {}] == [
        dict(operation.query) for operation in sent
    ]
    assert Search(place="here", offset=0, limit=7) == sent[1].body
    assert ({"status": "failed"}, Search(place="here")) == (query.query, body.body)


async def test_page_numbers_have_sizes_that_overlap_and_fit_the_limit() -> None:
    """The second page of 75 reaches to row 150 as needed, and begins with rows that the first one of 100 had."""
    server = Server("page-number", some_rows(500))
    assert ids(server.rows[:150]) == ids(await server.paginator(limit=150))
    assert [(0, 100), (75, 75)] == server.windows


async def test_an_image_search_asks_for_all_it_wants_at_once() -> None:
    """Without a token the first lens page is the only one, so it is as large as the limit."""
    sizes = []
    for limit in (None, 20, 5000, 20_000):
        server = Server("lens", some_rows(3))
        await server.paginator(limit=limit)
        sizes.append(server.windows[0][1])
    assert [1000, 20, 5000, 10_000] == sizes


@pytest.mark.parametrize("place", ["pagination", "top", "unknown key", "unknown key of pagination"])
async def test_a_lens_token_is_followed_wherever_it_stands(place: str) -> None:
    sent: list[Any] = []

    async def send(operation: Operation[Any]) -> Answer:
        token = (operation.body.extra or {}).get("next_token") if operation.body else None
        sent.append(token)
        answer = Answer(items={"x": Row(id=f"after-{token}")}, pagination=Pagination())
        if token is None:
            if place == "pagination":
                answer.pagination = Pagination(next_token="t")
            else:
                (answer.pagination if place.endswith("pagination") else answer).extra = {"next_token": "t"}  # type: ignore[union-attr]
        return answer

    assert ["after-None", "after-t"] == ids(await Paginator[Row](send, listing("lens")))
    assert [None, "t"] == sent


async def test_an_image_search_that_is_cut_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def send(_: Operation[Any]) -> Answer:
        return Answer(items={"a": Row(id="a")}, pagination=Pagination(total=9))

    assert ["a"] == ids(await Paginator[Row](send, listing("lens")))
    assert "1 of 9 items" in caplog.text


class Scripted:
    """Answers in a fixed order, then the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = answers
        self.windows: list[tuple[int, int]] = []

    @property
    def calls(self) -> int:
        return len(self.windows)

    async def send(self, operation: Operation[Any]) -> Answer:
        self.windows.append(window(operation))
        return self.answers[min(self.calls, len(self.answers)) - 1]


def answer(*names: str, total: int | None = None) -> Answer:
    return Answer(
        rows=[Row(id=name) for name in names],
        count=total,
        pagination=Pagination(total=total),
        links=[Link(rel="next")],
    )


@pytest.mark.parametrize("style", STYLES[:5])
@pytest.mark.parametrize("total", [4, 100])
async def test_h3_a_server_that_ignores_the_offset_is_found_out(style: PagingStyle, total: int) -> None:
    """The same full page again is never given out twice and ends in an error after the second time."""
    server = Scripted(answer("a", "b", total=total))
    walk = aiter(Paginator[Row](server.send, listing(style), page_size=2))
    assert ["a", "b"] == ids([await anext(walk), await anext(walk)])
    with pytest.raises(PaginationError, match="GET /v0/rows does not advance"):
        await anext(walk)
    assert 3 == server.calls


async def test_h3_rows_without_an_id_cannot_hide_a_repeated_page() -> None:
    server = Scripted(Answer(rows=[Row()], pagination=Pagination(total=9)))
    with pytest.raises(PaginationError):
        await Paginator[Row](server.send, listing("offset-query"), page_size=1)


async def test_one_short_page_of_a_server_without_totals_is_the_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither a total nor an offset: the second sight of the same short page is no error."""
    server = Scripted(answer("a", "b"))
    assert ["a", "b"] == ids(await Paginator[Row](server.send, listing("offset-query")))
    assert 2 == server.calls
    assert "ignores the offset" in caplog.text


# --- listings that change while they are walked ---

NUMBERS = itertools.count()
POSITIONS = STYLES[:5]
"""The styles in which pages are asked for by position."""


class Changing(Server):
    """A listing in which something happens behind each answer."""

    def __init__(
        self, style: PagingStyle, count: int, *changes: Callable[[list[Row]], None], **more: Any
    ) -> None:
        super().__init__(style, some_rows(count), **more)
        self.first = list(self.rows)
        self.changes = list(changes)

    async def send(self, operation: Operation[Any]) -> Answer:
        answer = await super().send(operation)
        if self.changes:
            self.changes.pop(0)(self.rows)
        return answer


def delete(*places: int) -> Callable[[list[Row]], None]:
    """Delete the rows at these places, modulo the rows that there are."""

    def change(rows: list[Row]) -> None:
        gone = {place % len(rows) for place in places} if rows else set()
        rows[:] = [row for place, row in enumerate(rows) if place not in gone]

    return change


def insert(place: int) -> Callable[[list[Row]], None]:
    return lambda rows: rows.insert(place, Row(id=f"new-{next(NUMBERS)}"))


@pytest.mark.parametrize("style", POSITIONS)
@given(
    count=st.integers(0, 60),
    page_size=st.integers(8, 12),
    changes=st.lists(
        st.lists(st.integers(0, 60), max_size=20).map(lambda places: delete(*places))
        | st.integers(0, 60).map(insert),
        max_size=12,
    ),
    has_total=st.booleans(),
    prefetch=st.booleans(),
)
def test_h2_h12_no_surviving_row_is_missed_or_given_twice(
    style: PagingStyle,
    count: int,
    page_size: int,
    changes: list[Callable[[list[Row]], None]],
    has_total: bool,
    prefetch: bool,
) -> None:
    """Whatever is deleted and inserted between the pages: all that was there all the time comes once and in order."""
    # A few rows without a total make pages of a few rows, and whatever is inserted then looks like a page that repeats.
    assume(style != "page-number" or has_total or count >= page_size)
    server = Changing(style, count, *changes, has_total=has_total)
    rows = asyncio.run(server.paginator(page_size=page_size, prefetch=prefetch)._collect())
    assert len(rows) == len(set(ids(rows)))
    survivors = [row for row in server.first if row in server.rows]
    assert ids(survivors) == [name for name in ids(rows) if name in ids(survivors)]


@pytest.mark.parametrize("style", POSITIONS)
async def test_h13_all_can_be_deleted_while_they_are_walked(style: PagingStyle) -> None:
    server = Server(style, some_rows(60))
    deleted = []
    async for row in server.paginator(page_size=10):
        server.rows.remove(row)
        deleted.append(row)
    assert (60, []) == (len(deleted), server.rows)
    assert len(server.windows) < 20


async def test_h2_a_page_costs_one_row_more_and_the_whole_hardly_a_request() -> None:
    server = Server("offset-query", some_rows(10_000))
    assert ids(server.rows) == ids(await server.paginator())
    assert [(0, 100), (99, 100), (198, 100)] == server.windows[:3]
    assert 101 == len(server.windows)


async def test_h12_page_numbers_cost_a_few_rows_more() -> None:
    server = Server("page-number", some_rows(10_000))
    assert ids(server.rows) == ids(await server.paginator())
    assert len(server.windows) <= 115


@pytest.mark.parametrize("style", ["page-number", "offset-query"])
async def test_h2_h12_a_gap_is_read_again(style: PagingStyle) -> None:
    """Two rows less in front: the next page begins with a row that nobody knows, so the one before it is asked for again."""
    server = Changing(style, 25, delete(0, 1))
    assert ids(server.first) == ids(await server.paginator(page_size=10))
    assert [(0, 10), (9, 9 if style == "page-number" else 10), (0, 10)] == server.windows[:3]


@pytest.mark.parametrize("has_total", [True, False])
async def test_h2_what_moves_by_more_than_a_page_is_found(has_total: bool) -> None:
    """A listing of 60 that is 5 long when the third page is asked for."""
    server = Changing("offset-query", 60, delete(), delete(*range(55)), has_total=has_total)
    assert [*range(19), *range(55, 60)] == [
        int(str(row.id)[2:]) for row in await server.paginator(page_size=10)
    ]


async def test_h14_rows_without_a_lasting_order_end_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A server that ignores the offset and invents rows is not read without end."""

    class Inventing(Server):
        def page(self, start: int, size: int) -> Answer:
            return answer(f"{len(self.windows)}-a", f"{len(self.windows)}-b", total=100)

    server = Inventing("offset-query", [])
    assert 0 < len(await server.paginator(page_size=2)) <= 200
    assert "rows moved between pages while listing" in caplog.text


async def test_h2_rows_without_an_id_are_not_asked_for_twice() -> None:
    """They could not be told apart from others."""
    server = Server("offset-query", [Row(collection=str(number)) for number in range(5)])
    assert server.rows == await server.paginator(page_size=2)
    assert [(0, 2), (2, 2), (4, 2)] == server.windows


async def test_h12_a_smaller_maximum_of_the_server_is_learned() -> None:
    """It counts its pages by its own size then, whatever was asked for."""

    class Capped(Server):
        def page(self, start: int, size: int) -> Answer:
            if size > self.largest:
                start, size = start // size * self.largest, self.largest
            return super().page(start, size)

    for has_total in (True, False):
        server = Capped("page-number", some_rows(40), largest=7, has_total=has_total)
        assert ids(server.rows) == ids(await server.paginator(page_size=10))


@pytest.mark.parametrize("style", ["offset-query", "offset-body", "stac-query", "stac-body"])
@given(
    count=st.integers(0, 60),
    page_size=st.integers(1, 12),
    limit=st.none() | st.integers(0, 70),
    has_total=st.booleans(),
)
def test_h16_offsets_that_the_server_rounds_to_pages_lose_nothing(
    style: PagingStyle, count: int, page_size: int, limit: int | None, has_total: bool
) -> None:
    """A server that takes an offset for the page in which it lies gives all rows once and in order."""

    class Rounding(Server):
        def page(self, start: int, size: int) -> Answer:
            return super().page(start // size * size, size)

    server = Rounding(style, some_rows(count), has_total=has_total)
    rows = asyncio.run(server.paginator(page_size=page_size, limit=limit)._collect())
    assert ids(server.rows[:limit]) == ids(rows)


async def test_a_row_that_slides_onto_the_next_page_is_given_once() -> None:
    """A row inserted in front pushes the last one onto the next page."""
    server = Scripted(answer("a", "b", total=5), answer("b", "c", total=5), answer("d", total=5))
    assert ["a", "b", "c", "d"] == ids(
        await Paginator[Row](server.send, listing("offset-query"), page_size=2)
    )


async def test_an_aoi_is_told_by_its_own_id_and_a_stac_item_within_its_collection() -> None:
    pages = (
        Answer(rows=[AOI(aoi_id="a"), Row(id="x", collection="l1c")]),
        Answer(rows=[AOI(aoi_id="a"), Row(id="x", collection="l2a")]),
        Answer(),
    )
    rows = await Paginator[Any](Scripted(*pages).send, listing("offset-query"), page_size=2)
    assert [AOI(aoi_id="a"), Row(id="x", collection="l1c"), Row(id="x", collection="l2a")] == rows


async def test_rows_of_one_page_are_never_taken_for_repetitions() -> None:
    """Versions of one block share its id."""
    rows = [Row(id="same"), Row(id="same")]
    assert rows == await Server("single", rows).paginator()


async def test_h4_an_empty_page_in_the_middle_is_read_again(caplog: pytest.LogCaptureFixture) -> None:
    """Once: then the listing stops with a warning."""
    healed = Scripted(answer("a", total=2), answer(total=2), answer("b", total=2))
    assert ["a", "b"] == ids(await Paginator[Row](healed.send, listing("page-number"), page_size=1))
    assert [(0, 1), (1, 1), (1, 1)] == healed.windows
    assert "" == caplog.text

    stays = Scripted(answer("a", total=2), answer(total=2))
    assert ["a"] == ids(await Paginator[Row](stays.send, listing("page-number"), page_size=1))
    assert 3 == stays.calls
    assert "empty page after 1 of 2 items" in caplog.text


@pytest.mark.parametrize("total", [0, None, -5, "many"])
async def test_h7_rows_count_more_than_a_senseless_total(total: Any) -> None:
    server = Scripted(answer("a", total=total), answer("b", total=total), answer(total=total))
    assert ["a", "b"] == ids(await Paginator[Row](server.send, listing("offset-query"), page_size=1))


async def test_h7_h8_no_pagination_object_is_no_matter() -> None:
    server = Scripted(Answer(rows=[Row(id="a")]), Answer(rows=None))
    assert ["a"] == ids(await Paginator[Row](server.send, listing("offset-query")))


async def test_h8_rows_under_another_key_are_an_error_and_not_an_empty_listing() -> None:
    moved = Answer()
    moved.extra = {"data": [{"id": "a"}]}
    with pytest.raises(SchemaError, match=r"GET /v0/rows: \$\.rows is missing, and the unknown key 'data'"):
        await Paginator[Row](Scripted(moved).send, listing("offset-query"))


async def test_stac_pages_end_with_a_short_page_or_without_a_next_link() -> None:
    by_size = Scripted(Answer(rows=some_rows(3)), Answer(rows=some_rows(4)[2:]))
    assert ids(some_rows(4)) == ids(await Paginator[Row](by_size.send, listing("stac-query"), page_size=3))
    by_link = Scripted(answer("a"), Answer(rows=[Row(id="b")]))
    assert ["a", "b"] == ids(await Paginator[Row](by_link.send, listing("stac-body"), page_size=2))
    assert [2, 2] == [by_size.calls, by_link.calls]


@pytest.mark.parametrize(
    "options",
    [
        {"limit": -1},
        {"limit": 1.5},
        {"limit": True},
        {"page_size": 0},
        {"page_size": 10_001},
        {"page_size": "5"},
    ],
)
def test_bad_numbers_are_refused_when_the_listing_is_made(options: dict[str, Any]) -> None:
    name, value = next(iter(options.items()))
    with pytest.raises(InvalidInput, match=f"{name}={value!r}: give a whole number"):
        Server("offset-query", []).paginator(**options)


async def test_an_operation_without_pages_is_refused() -> None:
    with pytest.raises(InvalidInput, match="GetRow is not a listing"):
        Paginator(Server("single", []).send, Operation(Endpoint("GetRow", "GET", "/v0/row", Row, "read")))


async def test_prefetch_asks_for_the_next_page_while_this_one_is_used() -> None:
    requests: dict[bool, int] = {}
    for prefetch in (False, True):
        server = Server("offset-query", some_rows(10))
        walk = aiter(server.paginator(page_size=2, prefetch=prefetch))
        await anext(walk)
        await asyncio.sleep(0)
        requests[prefetch] = len(server.windows)
        await walk.aclose()
    assert {False: 1, True: 2} == requests


@pytest.mark.parametrize("how", ["break", "aclose", "cancel", "failure ahead"])
async def test_h10_an_abandoned_walk_leaves_nothing_behind(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No request after it, no running task, no warning, also when the page asked for ahead fails (H10)."""
    first_page_used = asyncio.Event()
    ended: list[str] = []

    async def send(operation: Operation[Any]) -> Answer:
        if operation.query["offset"] == 0:
            return answer("a", "b", total=9)
        first_page_used.set()
        if how == "failure ahead":
            raise SchemaError("broken")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")
        raise AssertionError

    before = asyncio.all_tasks()
    paginator = Paginator[Row](send, listing("offset-query"), page_size=2, prefetch=True)
    if how == "cancel":
        task = asyncio.ensure_future(paginator._collect())
        await first_page_used.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    elif how == "aclose":
        walk = aiter(paginator)
        await anext(walk)
        await first_page_used.wait()
        await walk.aclose()
    else:
        async for _ in paginator:
            await first_page_used.wait()
            break
    await settle(lambda: asyncio.all_tasks() == before)
    gc.collect()
    assert before == asyncio.all_tasks()
    assert ([] if how == "failure ahead" else ["cancelled"]) == ended
    assert [] == [record for record in caplog.records if record.levelno >= logging.WARNING]


async def settle(is_done: Callable[[], bool]) -> None:
    for _ in range(100):
        if is_done():
            return
        await asyncio.sleep(0)
