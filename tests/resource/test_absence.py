"""A create counts as absent only where the listing proves it: odd answers, filters, stamps, and many who ask at once."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from creates import CREATES, World, create_aoi, create_job, create_store
from hypothesis import given
from hypothesis import strategies as st
from stubs import CLOSE, HANG, RESET, Answer, Received, Stub, answer, json_answer

from pixxel_async import (
    Absent,
    Ambiguous,
    AuthenticationError,
    BadRequest,
    CallError,
    ConnectionLost,
    Found,
    Intent,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    PixxelClient,
    PixxelError,
    ProtocolError,
    RateLimited,
    RetryPolicy,
    SchemaError,
    ServerError,
    UnexpectedAnswer,
    UnexpectedBody,
    UnexpectedStatus,
)
from pixxel_async._endpoints import jobs
from pixxel_async._http.operation import Operation
from pixxel_async._resource import whole_listing
from pixxel_async._resource.matching import Sought, verdict
from pixxel_async.models import BlockRef
from pixxel_async.testing import FakeTransport, VirtualClock

TOKEN = "canary-7f3a9b2c5d"
FACTS = {
    **{"project": "p-1", "satellite": "s-1", "image": "i-1", "workflow": "w", "aoi": "a-1", "index": "x-1"},
    **{"store": "st-1", "entry": "c-1", "block": BlockRef(name="cropstress", version="1"), "inputs": []},
}
LONG_AGO = "2020-01-01T00:00:00Z"


@attrs.frozen
class Kind:
    """How the API lists what a create makes."""

    rows: str
    """Key of the rows."""
    id: str = "id"
    """Key of a row's id."""
    has_total: bool = False


KINDS = {
    "aoi": Kind("aois", "aoi_id", has_total=True),
    "index": Kind("indices", has_total=True),
    "visualization": Kind("visualization", has_total=True),
    "order": Kind("orders", has_total=True),
    "insight": Kind("insights"),
    "job": Kind("jobs"),
    "store": Kind("stores"),
    "delivery": Kind("deliveries", "delivery_id"),
}
Listing = Callable[[Kind, Received], Answer]


@asynccontextmanager
async def world_of(stub: Stub, clock: VirtualClock | None = None, **options: Any) -> AsyncIterator[World]:
    """A client of a stub, and what creates need; readings of a listing end 2 s after a create was sent."""
    clock = clock or VirtualClock()
    options = {"settle_window": 2.0, "retry": RetryPolicy.none(), **options}
    async with PixxelClient(TOKEN, base_url=stub.url, clock=clock, **options) as client:
        yield World(None, client, clock, FACTS)  # type: ignore[arg-type]


def server(kind: Kind, listing: Listing, *created: Answer) -> Callable[[Received], Answer]:
    """Answers to creates with what is given, then with a broken connection, and to readings with a listing."""
    left = list(created)

    def steps(request: Received) -> Answer:
        if request.method == "POST":
            return left.pop(0) if left else [RESET]
        return json_answer({}) if request.method == "DELETE" else listing(kind, request)

    return steps


async def lost(world: World, kind: str = "job") -> OutcomeUnknown:
    with pytest.raises(OutcomeUnknown) as caught:
        await CREATES[kind][1](world)
    return caught.value


def window(request: Received) -> tuple[int, int]:
    """Offset and length of the page that is asked for; all of it where there are no pages."""
    query = parse_qs(urlsplit(request.target).query)
    return int(query.get("offset", ["0"])[0]), int(query.get("limit", ["1000"])[0])


# --- a: what lists nothing --------------------------------------------------------------------------------


def says(facts: dict[str, Any]) -> Listing:
    """An answer in which ROWS stands for the key of the rows."""
    return lambda kind, _: json_answer({kind.rows if key == "ROWS" else key: facts[key] for key in facts})


def is_answered(*steps: Any) -> Listing:
    return lambda kind, _: [
        step.replace(b"ROWS", kind.rows.encode()) if isinstance(step, bytes) else step
        for step in (steps[0] if isinstance(steps[0], list) else steps)
    ]


def others(kind: Kind, first: int, last: int) -> list[dict[str, Any]]:
    """Rows that are certainly something else."""
    return [{kind.id: f"other-{number}", "created_at": LONG_AGO} for number in range(first, last)]


def three_of_seven(kind: Kind, request: Received) -> Answer:
    start, length = window(request)
    rows = others(kind, 0, 3)[start : start + min(length, 2)]
    return json_answer({kind.rows: rows, "pagination": {"total": 7}})


def always_the_same(kind: Kind, request: Received) -> Answer:
    return json_answer({kind.rows: others(kind, 0, 100), "pagination": {"total": 500}})


def endless(kind: Kind, request: Received) -> Answer:
    start, length = window(request)
    return json_answer({kind.rows: others(kind, start, start + min(length, 100)), "has_more": True})


def growing(kind: Kind, request: Received) -> Answer:
    start, length = window(request)
    rows = others(kind, start, start + min(length, 100))
    return json_answer({kind.rows: rows, "pagination": {"total": start + 101}})


def fewer_at_the_end(kind: Kind, request: Received) -> Answer:
    """A total that is taken back when the rows run out."""
    start, _ = window(request)
    if not start and kind.has_total:
        return json_answer({kind.rows: others(kind, 0, 1), "pagination": {"total": 7}})
    return json_answer({kind.rows: [], "pagination": {"total": 0 if kind.has_total else 7}})


BAD_ROW = "cannot be told from another row"
FORMS: dict[str, tuple[Listing, type[PixxelError]]] = {
    # Failures with the status of a success.
    "nothing": (says({}), UnexpectedAnswer),
    "a message": (says({"message": "Endpoint request timed out"}), UnexpectedAnswer),
    "an error": (says({"error": {"code": "UPSTREAM", "message": "timeout"}}), UnexpectedAnswer),
    "an error beside rows": (says({"ROWS": [], "error": "timeout"}), UnexpectedAnswer),
    "a message beside rows": (says({"ROWS": [], "Message": "partly"}), UnexpectedAnswer),
    "errors beside rows": (says({"ROWS": [], "errors": [{"code": 7}]}), UnexpectedAnswer),
    "a detail beside rows": (says({"ROWS": [], "detail": "shard 3 is away"}), UnexpectedAnswer),
    "success false": (says({"ROWS": [], "success": False}), UnexpectedAnswer),
    # No list of rows.
    "rows null": (says({"ROWS": None}), UnexpectedAnswer),
    "rows an object": (says({"ROWS": {}}), UnexpectedAnswer),
    "rows a text": (says({"ROWS": "[]"}), UnexpectedAnswer),
    "rows a number": (says({"ROWS": 0}), UnexpectedAnswer),
    "rows false": (says({"ROWS": False}), UnexpectedAnswer),
    "another key": (says({"data": []}), UnexpectedAnswer),
    "rows below another key": (lambda kind, _: json_answer({"data": {kind.rows: []}}), UnexpectedAnswer),
    "rows in capitals": (lambda kind, _: json_answer({kind.rows.upper(): []}), UnexpectedAnswer),
    "only a pagination": (says({"pagination": {"total": 0}}), UnexpectedAnswer),
    # Rows are missing.
    "a total": (says({"ROWS": [], "pagination": {"total": 7}}), UnexpectedAnswer),
    "a total at the top": (says({"ROWS": [], "total": 7}), UnexpectedAnswer),
    "a total as text": (says({"ROWS": [], "total": "7"}), UnexpectedAnswer),
    "a total with a fraction": (says({"ROWS": [], "count": 7.0}), UnexpectedAnswer),
    "a total in other words": (says({"ROWS": [], "meta": {"totalCount": 7}}), UnexpectedAnswer),
    "rows null and a total": (says({"ROWS": None, "pagination": {"total": 7}}), UnexpectedAnswer),
    "three of seven": (three_of_seven, UnexpectedAnswer),
    "fewer at the end": (fewer_at_the_end, UnexpectedAnswer),
    "a next token": (says({"ROWS": [], "next_token": "abc"}), UnexpectedAnswer),
    "a next token in other words": (says({"ROWS": [], "page": {"nextPageToken": "abc"}}), UnexpectedAnswer),
    "more": (says({"ROWS": [], "pagination": {"total": 0, "has_more": True}}), UnexpectedAnswer),
    "a link": (says({"ROWS": [], "links": [{"rel": "next", "href": "/"}]}), UnexpectedAnswer),
    "truncated": (says({"ROWS": [], "isTruncated": True}), UnexpectedAnswer),
    "incomplete": (says({"ROWS": [], "incomplete_results": True}), UnexpectedAnswer),
    "always the same": (always_the_same, PixxelError),
    "endless": (endless, UnexpectedAnswer),
    "growing": (growing, UnexpectedAnswer),
    # Rows that are none.
    "a row without id": (says({"ROWS": [{"name": BAD_ROW}]}), UnexpectedAnswer),
    "a row with a number for its id": (
        says({"ROWS": [{"id": 5, "aoi_id": 5, "delivery_id": 5}]}),
        UnexpectedAnswer,
    ),
    "a row with an empty id": (
        says({"ROWS": [{"id": "", "aoi_id": "", "delivery_id": ""}]}),
        UnexpectedAnswer,
    ),
    "a row null": (says({"ROWS": [None]}), UnexpectedAnswer),
    "a row that is a list": (says({"ROWS": [[]]}), UnexpectedAnswer),
    # No object.
    "a list": (is_answered(json_answer([])), SchemaError),
    "null": (is_answered(json_answer(None)), SchemaError),
    "a text": (is_answered(json_answer("ok")), SchemaError),
    # No JSON.
    "a page": (is_answered(answer(200, b"<html>portal</html>", Content_Type="text/html")), UnexpectedBody),
    "an empty body": (is_answered(answer(200)), UnexpectedBody),
    "204": (is_answered([b"HTTP/1.1 204 No Content\r\n\r\n"]), UnexpectedBody),
    "cut JSON": (is_answered(answer(200, b'{"ROWS": [', length=10)), PixxelError),
    "JSON twice": (is_answered(answer(200, b"[][]")), UnexpectedBody),
    "a cut body": (is_answered(*answer(200, b'{"jobs": []}', length=90), CLOSE), ConnectionLost),
    "a body that says gzip": (is_answered(answer(200, b"{}", Content_Encoding="gzip")), ProtocolError),
    "the end of the connection": (is_answered(CLOSE), ConnectionLost),
    # Other statuses.
    "203": (is_answered(json_answer({}, 203)), UnexpectedStatus),
    "206": (lambda kind, _: json_answer({kind.rows: []}, 206), UnexpectedStatus),
    "302": (is_answered(answer(302, Location="https://login.example.com/")), UnexpectedStatus),
    "400": (is_answered(json_answer({}, 400)), BadRequest),
    "401": (is_answered(json_answer({}, 401)), AuthenticationError),
    "403": (is_answered(json_answer({}, 403)), PermissionDenied),
    "404": (is_answered(json_answer({}, 404)), NotFound),
    "408": (is_answered(json_answer({}, 408)), UnexpectedStatus),
    "429": (is_answered(json_answer({}, 429)), RateLimited),
    "500": (is_answered(json_answer({}, 500)), ServerError),
    "503": (is_answered(json_answer({}, 503)), ServerError),
}


@pytest.mark.parametrize("form", FORMS)
async def test_x1_x2_what_lists_nothing_proves_nothing(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for the listings that state a total, nor for those that do not."""
    monkeypatch.setattr(whole_listing, "_MOST_ROWS", 1000)
    listing, expected = FORMS[form]
    for name, kind in KINDS.items():
        async with Stub(server(kind, listing)) as stub, world_of(stub) as world:
            error = await lost(world, name)
            with pytest.raises(expected):
                await error.reconcile()
            assert [error.intent] == [each.intent for each in world.client.unresolved], name


async def test_x1_the_last_error_is_raised_and_the_create_can_be_looked_up_later() -> None:
    answers = [answer(206), json_answer({}), json_answer({"jobs": None}), json_answer({"jobs": []})]
    asked: list[int] = []

    def listing(kind: Kind, request: Received) -> Answer:
        asked.append(1)
        return answers[min(len(asked), len(answers)) - 1]

    async with Stub(server(KINDS["job"], listing)) as stub, world_of(stub) as world:
        error = await lost(world)
        with pytest.raises(UnexpectedAnswer, match="'jobs' is null"):
            await error.reconcile()
        assert 3 == len(asked)
        assert isinstance(await error.reconcile(), Absent)
    assert () == world.client.unresolved


# --- b: honest listings -----------------------------------------------------------------------------------


def page(kind: Kind, request: Received, most: int) -> list[dict[str, Any]]:
    start, length = window(request)
    return others(kind, start, min(start + length, most))


HONEST: dict[str, Listing] = {
    "only rows": says({"ROWS": []}),
    "a total": says({"ROWS": [], "pagination": {"total": 0, "limit": 100, "offset": 0}}),
    "a total as text": says({"ROWS": [], "count": "0"}),
    "null beside it": says({"ROWS": [], "pagination": None, "error": None, "message": None}),
    "the end": says(
        {"ROWS": [], "pagination": {"total": None, "next": None, "has_more": False}, "next_token": ""}
    ),
    "success": says({"ROWS": [], "success": True, "request_id": "r-1"}),
    "others": lambda kind, _: json_answer({kind.rows: others(kind, 0, 3)}),
    "a total of 0 beside others": lambda kind, request: json_answer(
        {kind.rows: page(kind, request, 3), "total": 0}
    ),
    "pages": lambda kind, request: json_answer({kind.rows: page(kind, request, 150)}),
}


@pytest.mark.parametrize("form", HONEST)
async def test_x3_an_honest_listing_without_it_proves_its_absence(form: str) -> None:
    for name, kind in KINDS.items():
        async with Stub(server(kind, HONEST[form])) as stub, world_of(stub) as world:
            error = await lost(world, name)
            assert isinstance(await error.reconcile(), Absent), name
            assert () == world.client.unresolved


def narrowed(request: Received) -> bool:
    return bool({"aoi_name", "satellite_id", "index_id"} & parse_qs(urlsplit(request.target).query).keys())


@pytest.mark.parametrize("name", ["aoi", "index", "visualization"])
@pytest.mark.parametrize("page", ["empty", "repeated"])
async def test_x4_a_total_that_ignores_the_filter_is_settled_by_all_rows(name: str, page: str) -> None:
    shown: list[dict[str, Any]] = []

    def listing(kind: Kind, request: Received) -> Answer:
        rows = others(kind, 0, 3) + shown
        start, _ = window(request)
        listed = rows[start:] if not narrowed(request) else rows[:1] if page == "repeated" else []
        return json_answer({kind.rows: listed, "pagination": {"total": len(rows)}})

    kind = KINDS[name]
    async with Stub(server(kind, listing)) as stub, world_of(stub) as world:
        assert isinstance(await (await lost(world, name)).reconcile(), Absent)
        error = await lost(world, name)
        assert error.intent is not None
        fields = {there: found[0] for there, found in error.intent.wanted.items()}
        shown.append({kind.id: "it", "created_at": world.clock.now().isoformat(), **fields})
        found = await error.reconcile()
        assert isinstance(found, Found)
        assert "it" == found.id


# --- c: two readings --------------------------------------------------------------------------------------


@attrs.define
class Readings:
    """A listing of jobs in virtual time that notes when each reading of it began and ended."""

    clock: VirtualClock
    seconds: float = 0.0
    """How long one takes."""
    rows: list[dict[str, Any]] = attrs.field(factory=list)
    answers: list[Any] = attrs.field(factory=list)
    """What comes before the rows, in this order."""
    times: list[tuple[float, float]] = attrs.field(factory=list)

    async def __call__(self, _: Any) -> Any:
        began = self.clock.monotonic()
        await self.clock.sleep(self.seconds)
        self.times.append((began, self.clock.monotonic()))
        return self.answers.pop(0) if self.answers else {"jobs": self.rows}

    def client(self, **options: Any) -> PixxelClient:
        routes = {
            "POST /v0/workflows/w/jobs": lambda _: OutcomeUnknown("lost"),
            "GET /v0/workflows/w/jobs": self,
        }
        return PixxelClient(transport=FakeTransport(routes), clock=self.clock, **options)


def world_with(client: PixxelClient, clock: VirtualClock) -> World:
    return World(None, client, clock, FACTS)  # type: ignore[arg-type]


@pytest.mark.parametrize("settle", [0.5, 4.0, 120.0])
@pytest.mark.parametrize("seconds", [0.0, 0.4, 4.9, 50.0])
@pytest.mark.parametrize("age", [0.0, 100.0, 1e6])
async def test_x3_two_readings_prove_an_absence(settle: float, seconds: float, age: float) -> None:
    """Of which the second begins 5 s after the first has ended, and after the settle window; however late one asks."""
    clock = VirtualClock()
    listing = Readings(clock, seconds)
    async with listing.client(settle_window=settle) as client:
        error = await lost(world_with(client, clock))
        error = pickle.loads(pickle.dumps(error))  # the clock that cannot be set is left behind
        sent = clock.monotonic()
        clock.advance(age)
        assert isinstance(await client.reconcile(error), Absent)
    (_, first), *_, (last, _) = listing.times
    assert last >= first + 5
    assert last >= sent + settle - 1e-6


async def test_x3_a_reading_that_waits_for_its_turn_counts_from_its_end() -> None:
    """Two creates on one listing, each reading of which takes 4.9 s."""
    clock = VirtualClock()
    listing = Readings(clock, 4.9)
    async with listing.client() as client:
        errors = [await lost(world_with(client, clock)) for _ in range(2)]

        async def second() -> float:
            await clock.sleep(0.1)
            assert isinstance(await errors[1].reconcile(settle_window=0), Absent)
            return clock.monotonic()

        _, ended = await asyncio.gather(errors[0].reconcile(settle_window=0), second())
    first = next(end for began, end in listing.times if began >= 0.1)
    assert ended >= first + 5 + 4.9


async def test_x3_a_failed_reading_is_followed_by_another_5_s_later() -> None:
    clock = VirtualClock()
    listing = Readings(clock, answers=[{}, {"jobs": []}, {}])
    async with listing.client(settle_window=2.0) as client:
        assert isinstance(await (await lost(world_with(client, clock))).reconcile(), Absent)
    assert [1, 2, 7, 12] == [round(began) for began, _ in listing.times]


async def test_readings_whose_time_passed_during_another_one_are_left_out() -> None:
    clock = VirtualClock()
    listing = Readings(clock, 40.0)
    async with listing.client() as client:
        assert isinstance(await (await lost(world_with(client, clock))).reconcile(), Absent)
    assert [1, 60, 120] == [round(began) for began, _ in listing.times]


# --- d: rows that are the same but for their time ---------------------------------------------------------

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SKEW = timedelta(minutes=5)
DEFAULTS = [
    None,
    "",
    0,
    1772366400,
    "soon",
    "0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00+00:00",
    "1970-01-01",
    {},
]


@st.composite
def stamps(draw: st.DrawFn) -> Any:
    """How any server may write the moment at which it executed a create that was sent at noon, in the settle window after."""
    wrong = timedelta(seconds=draw(st.floats(-3600, 3600)))
    moment = NOON + timedelta(seconds=draw(st.floats(0, 120))) + wrong
    zone = timezone(timedelta(minutes=15 * draw(st.integers(-12 * 4, 14 * 4))))
    local = moment.astimezone(zone)
    shape = draw(
        st.sampled_from(["iso", "blank", "seconds", "naive", "naive blank", "day", *"_-/", "midnight"])
    )
    return {
        "iso": local.isoformat(),
        "blank": local.isoformat(" "),
        "seconds": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "naive": local.replace(tzinfo=None).isoformat(),
        "naive blank": local.replace(tzinfo=None).isoformat(" ", "seconds"),
        "day": local.date().isoformat(),
        "_": f"{local:%Y_%m_%d}",
        "-": f"{local:%d-%m-%Y}",
        "/": f"{local:%d/%m/%Y}",
        "midnight": f"{local:%Y-%m-%dT00:00:00Z}",
    }[shape]


JOB = Sought(Operation(jobs._LIST, path={"workflow_id": "w"}), "id", {}, None)


@given(stamps() | st.sampled_from(DEFAULTS))
def test_x5_what_was_made_in_the_window_is_never_too_old(stamp: Any) -> None:
    assert verdict(JOB, {"id": "j-1", "created_at": stamp}, NOON - SKEW) is not False


def test_x5_a_row_without_a_stamp_is_not_too_old() -> None:
    assert verdict(JOB, {"id": "j-1"}, NOON - SKEW) is None


@given(st.timedeltas(timedelta(minutes=66), timedelta(days=9000)), st.integers(-12, 14))
def test_x5_what_is_certainly_older_is_something_else(age: timedelta, zone: int) -> None:
    """Else nothing could ever be absent: its stamp has a zone and a time of day, and a clock is an hour wrong at most."""
    stamp = (NOON - age).replace(microsecond=1).astimezone(timezone(timedelta(hours=zone)))
    assert verdict(JOB, {"id": "j-1", "created_at": stamp.isoformat()}, NOON - SKEW) is False


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (lambda now: (now - timedelta(minutes=50)).isoformat(), Ambiguous),
        (lambda now: (now - timedelta(hours=12)).replace(tzinfo=None).isoformat(), Ambiguous),
        (lambda now: (now - timedelta(days=1)).date().isoformat(), Ambiguous),
        (lambda now: "0001-01-01T00:00:00Z", Ambiguous),
        (lambda now: None, Ambiguous),
        (lambda now: (now - timedelta(minutes=70)).replace(microsecond=1).isoformat(), Absent),
        (lambda now: (now - timedelta(days=4)).date().isoformat(), Absent),
    ],
    ids=["an hour wrong", "another zone", "a day", "a default", "none", "older", "an older day"],
)
async def test_x5_what_may_be_it_by_another_clock_is_for_a_person(
    stamp: Callable[[datetime], Any], expected: type
) -> None:
    clock = VirtualClock()
    listing = Readings(clock, rows=[{"id": "j-1", "created_at": stamp(clock.now())}])
    async with listing.client() as client:
        error = await lost(world_with(client, clock))
        assert expected is type(await error.reconcile())
        assert isinstance(await client.reconcile(error, known_ids=["j-1"]), Absent)


@pytest.mark.parametrize(
    ("sent", "listed", "expected"),
    [
        # The same, in another spelling.
        ("5B0F3B5E-6B7C-4F0A-9A52-0C1D2E3F4A01", "5b0f3b5e-6b7c-4f0a-9a52-0c1d2e3f4a01", True),
        ("2026-03-10T06:30:00Z", "2026-03-10 06:30:00", True),
        ("2026-03-10T00:00:00Z", "10-03-2026", True),
        ("2026-03-10T06:30:00Z", "2026-03-10T12:00:00.000+05:30", True),
        # It may be the same: the day only, or no zone.
        ("2026-03-10T06:30:00Z", "2026-03-10", None),
        ("2026-03-10T06:30:00Z", "2026-03-10 12:00:00", None),
        ("2026-05-01", "2026-04-30T18:30:00Z", None),
        # Something else.
        ("2026-03-10T06:30:00Z", "2026-03-11T06:30:00Z", False),
        ("2026-03-10T06:30:00Z", "2026-03-15", False),
        ("2026-03-10", "2026-03-11", False),
        ("north", "south", False),
        ("north", "North", False),
        ("AB", "ab", False),
    ],
)
def test_x5_a_value_in_another_spelling_is_no_difference(
    sent: str, listed: str, expected: bool | None
) -> None:
    sought = attrs.evolve(JOB, wanted={"name": [sent]})
    assert expected is verdict(sought, {"id": "j-1", "name": listed}, None)


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([{"name": "a"}, {"name": "b"}], True),
        ([{"name": "b"}, {"name": "a"}], True),
        ([{"name": "a"}], None),
        ([], None),
        ([{"name": "c"}], False),
        ([{"name": "a"}, {"name": "b"}, {"name": "c"}], False),
    ],
)
def test_x5_a_part_of_what_was_sent_is_no_difference(listed: Any, expected: bool | None) -> None:
    """A listing may leave out what the thing itself shows."""
    sought = attrs.evolve(JOB, wanted={"items.name": ["a", "b"]})
    assert expected is verdict(sought, {"id": "j-1", "items": listed}, None)


# --- e: what is known to exist ----------------------------------------------------------------------------

CREATED = json_answer({"id": "known-1"})


@pytest.mark.parametrize("name", ["job", "insight", "store", "delivery"])
async def test_x6_a_listing_that_lacks_what_the_client_made_there_proves_nothing(name: str) -> None:
    kind, shown = KINDS[name], []
    row = {kind.id: "known-1", "created_at": LONG_AGO}
    created = json_answer({"deliveries": [row]} if name == "delivery" else row)

    def listing(kind: Kind, _: Received) -> Answer:
        return json_answer({kind.rows: shown})

    async with Stub(server(kind, listing, created)) as stub, world_of(stub) as world:
        await CREATES[name][1](world)
        world.clock.advance(10)
        error = await lost(world, name)
        with pytest.raises(UnexpectedAnswer, match="lacks known-1"):
            await error.reconcile()
        assert 1 == len(world.client.unresolved)
        shown.append(row)
        assert isinstance(await error.reconcile(), Absent)


async def test_x6_what_was_made_within_the_settle_window_may_be_missing() -> None:
    """Listings lag."""
    async with (
        Stub(server(KINDS["job"], says({"ROWS": []}), CREATED)) as stub,
        world_of(stub, settle_window=60.0) as world,
    ):
        await create_job(world)
        assert isinstance(await (await lost(world)).reconcile(settle_window=0), Absent)


async def test_x6_what_was_made_elsewhere_or_is_deleted_need_not_be_listed() -> None:
    store = json_answer({"id": "st-9"})
    async with (
        Stub(server(KINDS["store"], says({"ROWS": []}), store, CREATED)) as stub,
        world_of(stub) as world,
    ):
        await create_store(world)
        await create_job(world)  # another listing
        await world.client.stores.delete("st-9")
        world.clock.advance(10)
        assert isinstance(await (await lost(world, "store")).reconcile(), Absent)


async def test_x6_what_the_callers_records_say_was_made_must_be_listed() -> None:
    async with (
        Stub(server(KINDS["job"], says({"ROWS": []}))) as stub,
        world_of(stub, settle_window=60.0) as world,
    ):
        error = await lost(world)
        made = {"j-1": world.clock.now() - timedelta(minutes=2), "j-2": world.clock.now()}
        with pytest.raises(UnexpectedAnswer, match="lacks j-1"):
            await world.client.reconcile(error, made=made, settle_window=0)


async def test_x6_what_the_callers_records_say_was_made_just_now_may_be_missing() -> None:
    async with (
        Stub(server(KINDS["job"], says({"ROWS": []}))) as stub,
        world_of(stub, settle_window=60.0) as world,
    ):
        error = await lost(world)
        made = {"j-2": world.clock.now()}
        assert isinstance(await world.client.reconcile(error, made=made, settle_window=0), Absent)


async def test_x6_what_the_callers_records_say_was_made_is_not_taken_for_it() -> None:
    """A job has nothing that tells it apart from one of another process."""
    clock = VirtualClock()
    row = {"id": "j-1", "created_at": clock.now().isoformat()}
    async with Stub(server(KINDS["job"], says({"ROWS": [row]}))) as stub, world_of(stub, clock) as world:
        error = await lost(world)
        assert isinstance(await world.client.reconcile(error, made={"j-1": clock.now()}), Absent)


# --- f: many who wait for the same listing ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["job", "aoi"])
async def test_x7_many_creates_share_the_readings_of_one_listing(name: str) -> None:
    """Fifty jobs of one workflow, fifty AOIs of different names."""
    readings: list[bool] = []

    def listing(kind: Kind, request: Received) -> Answer:
        readings.append(narrowed(request))
        return json_answer(
            {kind.rows: others(kind, 0, 60)[window(request)[0] :], "pagination": {"total": 60}}
        )

    async with Stub(server(KINDS[name], listing)) as stub, world_of(stub, settle_window=30.0) as world:
        errors = [await lost_one(world, name, f"field {number}") for number in range(50)]
        outcomes = await asyncio.gather(*(error.reconcile() for error in errors))
    assert {Absent} == {type(outcome) for outcome in outcomes}
    # Each of the five times: one for the first who asks, one for all who came while that was under way.
    assert len(readings) <= 2 * 5
    assert () == world.client.unresolved


async def lost_one(world: World, name: str, named: str) -> OutcomeUnknown:
    with pytest.raises(OutcomeUnknown) as caught:
        await (create_aoi(world, named) if name == "aoi" else create_job(world))
    return caught.value


async def test_x7_a_listing_that_is_much_longer_is_read_narrowed() -> None:
    """For a few creates of different names 10,000 rows are not worth reading, which the first of them finds out for all."""
    readings: list[bool] = []

    def listing(kind: Kind, request: Received) -> Answer:
        readings.append(narrowed(request))
        total = 0 if narrowed(request) else 10_000
        return json_answer({kind.rows: others(kind, 0, min(total, 100)), "pagination": {"total": total}})

    async with Stub(server(KINDS["aoi"], listing)) as stub, world_of(stub, settle_window=30.0) as world:
        errors = [await lost_one(world, "aoi", name) for name in "abcdefgh"]
        outcomes = await asyncio.gather(*(error.reconcile() for error in errors))
    assert [Absent] * 8 == [type(outcome) for outcome in outcomes]
    assert readings.count(False) <= 5


async def test_x7_one_who_is_cancelled_takes_nothing_from_the_others() -> None:
    """Whether it reads the listing for all or waits for its turn."""
    for number in range(3):
        clock = VirtualClock()
        listing = Readings(clock, 0.5)
        async with listing.client(settle_window=4.0) as client:
            errors = [await lost(world_with(client, clock)) for _ in range(3)]
            tasks = [asyncio.create_task(error.reconcile()) for error in errors]
            while not listing.times:  # noqa: ASYNC110 - the first reading is over, the next is under way
                await asyncio.sleep(0)
            tasks[number].cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert 1 == len(client.unresolved)
        expected = [Absent] * 3
        expected[number] = asyncio.CancelledError
        assert expected == [type(outcome) for outcome in outcomes]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(json_answer({}), UnexpectedAnswer), ([HANG], CallError), (answer(404), NotFound)],
)
async def test_x7_a_listing_that_fails_or_hangs_does_so_once_for_all(
    steps: Answer, expected: type[CallError]
) -> None:
    readings: list[int] = []

    def listing(_: Kind, __: Received) -> Answer:
        readings.append(1)
        return steps

    async with (
        Stub(server(KINDS["job"], listing)) as stub,
        world_of(stub, settle_window=4.0, attempt_timeout=0.3) as world,
    ):
        errors = [await lost(world) for _ in range(50)]
        outcomes = await asyncio.gather(*(error.reconcile() for error in errors), return_exceptions=True)
        assert all(isinstance(outcome, expected) for outcome in outcomes), outcomes
        assert len({id(outcome) for outcome in outcomes}) == 50, (
            "an error of one's own for each: it gets a traceback"
        )
        assert 50 == len(world.client.unresolved)
    assert len(readings) <= 2 * 5


# --- g: an ordinary listing -------------------------------------------------------------------------------


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.pixxel["event"] for record in caplog.records if hasattr(record, "pixxel")]


ORDINARY: dict[str, Callable[[World], Awaitable[Any]]] = {
    "aoi": lambda world: world.client.aois.list(),
    "index": lambda world: world.client.indices.list(satellite_id="s-1"),
    "visualization": lambda world: world.client.visualizations.list("a-1"),
    "order": lambda world: world.client.orders.list(),
    "insight": lambda world: world.client.insights.list("a-1"),
    "job": lambda world: world.client.jobs.list("w"),
    "store": lambda world: world.client.stores.list(),
    "delivery": lambda world: world.client.deliveries.list(),
}


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        (says({"ROWS": None}), []),
        (says({"ROWS": []}), []),
        (says({}), ["listing.rows_missing"]),
        (says({"message": "timeout"}), ["listing.rows_missing"]),
    ],
    ids=["null", "empty", "nothing", "a message"],
)
async def test_h8_h15_an_ordinary_listing_reads_what_is_not_there_as_empty(
    listing: Listing, expected: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """And warns once for each listing where not even the key of the rows is there."""
    for name, kind in KINDS.items():
        caplog.clear()
        async with Stub(server(kind, listing)) as stub, world_of(stub) as world:
            assert [[], []] == [await ORDINARY[name](world) for _ in range(2)]
        assert expected == warnings_in(caplog), name


@pytest.mark.parametrize("rows", [None, []])
async def test_h15_an_ordinary_listing_warns_when_rows_are_missing(
    rows: Any, caplog: pytest.LogCaptureFixture
) -> None:
    listing = says({"ROWS": rows, "pagination": {"total": 7}})
    for name, kind in KINDS.items():
        if kind.has_total:
            caplog.clear()
            async with Stub(server(kind, listing)) as stub, world_of(stub) as world:
                assert [] == await ORDINARY[name](world)
            assert ["listing.cut_short"] == warnings_in(caplog), name


# --- h: what was accepted ---------------------------------------------------------------------------------


def unreadable(kind: Kind, id: str) -> dict[str, Any]:
    """A row in which nothing but the id can be read."""
    return {kind.id: id, "created_at": 5, "name": [], "progress": {}, "status": {}, "message": {}}


@pytest.mark.parametrize("name", KINDS)
async def test_x8_an_accepted_create_whose_answer_cannot_be_read_keeps_its_id(name: str) -> None:
    kind = KINDS[name]
    row = unreadable(kind, "made-1")
    created = json_answer({"deliveries": [row]} if name == "delivery" else row)
    async with Stub(server(kind, says({}), created)) as stub, world_of(stub) as world:
        error = await lost(world, name)
        assert error.intent is not None
        kept = Intent.from_dict(json.loads(json.dumps(error.intent.to_dict())))
        pickled = pickle.loads(pickle.dumps(error))
        assert (True, ("made-1",)) == (error.accepted, error.ids)
        assert ("made-1",) == error.intent.ids == kept.ids == pickled.ids == pickled.intent.ids
        async with world_of(stub) as other:
            for look in (
                world.client.unresolved[0].reconcile(),
                error.reconcile(),
                other.client.reconcile(kept),
                other.client.reconcile(pickled),
            ):
                assert Found("made-1", None, ("made-1",)) == await look
        assert 1 == len(stub.received), "nothing but the create"
        assert () == world.client.unresolved
        assert 0 == world.clock.monotonic()


async def test_x8_all_deliveries_of_an_accepted_create_have_an_id_or_none() -> None:
    kind = KINDS["delivery"]
    for ids, expected in ((("d-1", "d-2"), ("d-1", "d-2")), (("d-1", ""), ())):
        rows = [unreadable(kind, id) for id in ids]
        async with (
            Stub(server(kind, says({}), json_answer({"deliveries": rows}))) as stub,
            world_of(stub) as world,
        ):
            assert expected == (await lost(world, "delivery")).ids


@pytest.mark.parametrize("is_reconciled", [False, True])
@pytest.mark.parametrize("is_pickled", [False, True])
async def test_x8_what_an_accepted_create_made_is_not_taken_for_what_another_made(
    is_reconciled: bool, is_pickled: bool
) -> None:
    """Two jobs have nothing that tells them apart: one was accepted, the other did not happen."""
    kind, clock = KINDS["job"], VirtualClock()
    row = {"id": "job-1", "created_at": clock.now().isoformat(), "progress": {}}
    async with (
        Stub(server(kind, says({"ROWS": [row]}), json_answer(row))) as stub,
        world_of(stub, clock) as world,
        world_of(stub, clock) as other,
    ):
        accepted, other_one = await lost(world), await lost(world)
        client = world.client
        if is_pickled:
            accepted, client = pickle.loads(pickle.dumps(accepted)), other.client
            await client.reconcile(accepted)
        elif is_reconciled:
            await accepted.reconcile()
        assert isinstance(await client.reconcile(pickle.loads(pickle.dumps(other_one))), Absent)


@pytest.mark.parametrize("name", KINDS)
async def test_x9_a_row_of_which_only_what_identifies_it_can_be_read_is_found(name: str) -> None:
    kind, rows = KINDS[name], []
    async with (
        Stub(server(kind, lambda kind, _: json_answer({kind.rows: rows}))) as stub,
        world_of(stub) as world,
    ):
        error = await lost(world, name)
        assert error.intent is not None
        row: dict[str, Any] = {kind.id: "it", "created_at": world.clock.now().isoformat()}
        for path, values in error.intent.wanted.items():
            put(row, path, values)
        rows.append({**row, "progress": {}, "status": {}, "updated_at": {}})
        found = await error.reconcile()
        assert isinstance(found, Found)
        assert ("it", ("it",)) == (found.id, found.ids)
        assert found.snapshot in (None, [None])


def put(row: dict[str, Any], path: str, values: list[Any]) -> None:
    """Write what a create was about to make into a row; all of it into one item where there are several."""
    *outer, last = path.split(".")
    for step in outer:
        row = row.setdefault(step, {})
    row[last] = values[0] if len(values) == 1 else values
