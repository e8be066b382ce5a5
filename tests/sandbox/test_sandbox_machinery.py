"""Tokens, books, faults, time and the running of the sandbox itself."""

from __future__ import annotations

import asyncio
import base64
import random
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_api import OTHER_PROJECT, PROJECT, START, Api
from yarl import URL

from pixxel_async.sandbox import Entry, Fault, Faults, Ledger, Sandbox, SandboxClock
from pixxel_async.sandbox._base.course import Course, Outcome, Outcomes, Words, marked
from pixxel_async.sandbox._routes.query import condition


async def status(sandbox: Sandbox, authorization: str | None) -> int:
    """Status of a harmless call with this header."""
    headers = {} if authorization is None else {"Authorization": authorization}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{sandbox.url}/v0/stores") as r,
    ):
        return r.status


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Bearer sandbox-token", 200),
        ("bearer sandbox-token", 200),
        ("sandbox-token", 200),
        ("Basic sandbox-token", 200),
        (basic("sandbox-token"), 200),
        (basic("me:sandbox-token"), 200),
        (None, 403),
        ("", 403),
        ("Bearer", 401),
        ("Bearer wrong", 401),
        ("wrong", 401),
        ("Basic ????", 401),
        (basic("me:wrong"), 401),
    ],
)
async def test_a_token_is_let_in_in_every_form_that_the_vendor_has_shown(
    sandbox: Sandbox, authorization: str | None, expected: int
):
    """403 without any token, 401 for one that is not known."""
    assert await status(sandbox, authorization) == expected


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [("Bearer sandbox-token", 200), ("sandbox-token", 401), (basic("sandbox-token"), 401), (None, 403)],
)
async def test_strict_mode_lets_bearer_tokens_in_only(authorization: str | None, expected: int):
    async with Sandbox(strict_auth=True, speed=0) as sandbox:
        assert await status(sandbox, authorization) == expected


async def test_expired_and_revoked_tokens_are_403(sandbox: Sandbox):
    sandbox.tokens.issue("short", expires_at=START + timedelta(hours=1))
    assert await status(sandbox, "Bearer short") == 200
    sandbox.clock.advance(3600)
    assert await status(sandbox, "Bearer short") == 403
    sandbox.tokens.revoke(sandbox.token)
    assert await status(sandbox, f"Bearer {sandbox.token}") == 403
    sandbox.tokens.issue(sandbox.token)
    assert await status(sandbox, f"Bearer {sandbox.token}") == 200


async def test_a_token_sees_and_uses_only_its_own_projects(api: Api):
    """Listings leave the others out; reading, creating and ordering in them is 403."""
    hidden = await api.aoi("hidden", wait=False)
    order = await api.order(await api.archive_item())
    item = await api.archive_item()
    body = await api.aoi_body("mine")
    api.sandbox.tokens.issue("narrow", projects=frozenset({OTHER_PROJECT}), user_id="user-7")
    narrow = {"headers": {"Authorization": "Bearer narrow"}}
    assert (await api.get("/v0/aois", **narrow))["aois"] == []
    assert (await api.get("/v0/orders", **narrow))["orders"] == []
    assert (await api.get("/v0/order-items", **narrow))["order_items"] == []
    assert [project["id"] for project in (await api.get("/v0/projects", **narrow))["projects"]] == [
        OTHER_PROJECT
    ]
    assert {w["project_id"] for w in (await api.get("/v0/workflows", **narrow))["workflows"]} == {
        OTHER_PROJECT
    }
    for method, path, content in (
        ("GET", f"/v0/aoi/{hidden['aoi_id']}", None),
        ("GET", f"/v0/projects/{PROJECT}", None),
        ("GET", f"/v0/orders/{order['id']}", None),
        ("POST", "/v0/aois", body),
        ("POST", "/v0/orders", {"order_items": [item]}),
        ("POST", f"/v0/workflows/wf-01/jobs?project_id={PROJECT}", None),
    ):
        assert (await api.refused(method, path, content, **narrow))[0] == 403
    made = await api.call("POST", "/v0/aois", {**body, "project_id": OTHER_PROJECT}, **narrow)
    assert (made.status, made.body["user_id"]) == (201, "user-7")


async def test_only_an_owner_may_order_and_export(api: Api):
    api.sandbox.tokens.issue("viewer", owner=False)
    viewer = {"headers": {"Authorization": "Bearer viewer"}}
    body = {"order_items": [await api.archive_item()]}
    assert (await api.refused("POST", "/v0/orders", body, **viewer))[0] == 403
    assert (await api.refused("GET", "/v0/reports", **viewer))[0] == 403
    assert (await api.get("/v0/orders", **viewer))["orders"] == []


async def test_the_ledger_shows_what_was_made_and_bought_and_what_twice(api: Api):
    """Two equal orders are a double purchase; two different ones are not."""
    item, other = await api.archive_item(), await api.archive_item(name="another")
    first = await api.order(item)
    await api.order(other)
    ledger = api.sandbox.ledger
    assert ledger.duplicates() == {}
    second = await api.order(item)
    [(key, entries)] = ledger.duplicates().items()
    assert key[0] == "SubmitOrder"
    assert [entry.resource_id for entry in entries] == [first["id"], second["id"]]
    assert ledger.spent == 3 * first["total_amount"]


async def test_the_ledger_counts_creations_that_cost_nothing(api: Api):
    aoi = await api.aoi()
    asset = (await api.get(f"/v0/aois/{aoi['aoi_id']}/assets"))["assets"][0]["id"]
    for _ in range(2):
        await api.post(f"/v0/aois/{aoi['aoi_id']}/downloads", {"asset_ids": [asset]})
    ledger = api.sandbox.ledger
    assert [(entry.key, entry.tokens) for entry in ledger.entries("AOICreateAOI")] == [("delta-north", 0)]
    assert [operation for operation, _ in ledger.duplicates()] == ["AOICreateDownload"]
    assert ledger.duplicates("AOICreateAOI") == {}
    assert ledger.spent == 0


async def test_refunds_are_taken_off_and_are_no_purchases(api: Api):
    order = await api.order(await api.archive_item(name="[fail]"))
    assert api.sandbox.ledger.spent == order["total_amount"]
    api.sandbox.clock.advance(300)
    assert api.sandbox.ledger.spent == 0
    assert api.sandbox.ledger.duplicates() == {}


def test_equal_refunds_are_no_double_purchase():
    ledger = Ledger()
    for resource in ("oi-1", "oi-2"):
        ledger.record(Entry(START, "SubmitOrder", resource, "same", -100))
    assert ledger.duplicates() == {}


async def test_a_status_fault_strikes_before_the_effect_unless_told_otherwise(api: Api):
    faults, body = api.sandbox.faults, await api.aoi_body()
    faults.add("AOICreateAOI", "status", status=503, retry_after=7)
    refused = await api.call("POST", "/v0/aois", body)
    assert (refused.status, refused.headers["retry-after"]) == (503, "7")
    assert api.sandbox.ledger.entries() == []
    faults.add("POST /v0/aois", "status", status=500, after_effect=True)
    assert (await api.call("POST", "/v0/aois", body)).status == 500
    assert len(api.sandbox.ledger.entries()) == 1
    assert (await api.call("POST", "/v0/aois", body)).status == 409


@pytest.mark.parametrize(("after_effect", "made"), [(False, 0), (True, 1)])
async def test_a_reset_leaves_the_caller_without_answer(api: Api, after_effect: bool, made: int):
    body = await api.aoi_body()
    api.sandbox.faults.add("AOICreateAOI", "reset", after_effect=after_effect)
    with pytest.raises(aiohttp.ClientConnectionError):
        await api.call("POST", "/v0/aois", body)
    assert len(api.sandbox.ledger.entries()) == made
    assert api.sandbox.requests[-1].status is None


@pytest.mark.parametrize("kind", ["truncate", "reset_after"])
async def test_a_cut_answer_ends_before_its_announced_length(api: Api, kind: Any):
    """The head and the first bytes arrive, and then the connection ends or breaks."""
    api.sandbox.faults.add("ListSatellites", kind, after_bytes=100)
    reader, writer = await asyncio.open_connection(*api.sandbox.url.removeprefix("http://").split(":"))
    writer.write(b"GET /v0/satellites HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox-token\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) > 1000
    if kind == "truncate":
        assert len(await asyncio.wait_for(reader.read(), 5)) == 100
    else:
        assert len(await asyncio.wait_for(reader.readexactly(100), 5)) == 100
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), 5)
    writer.close()


async def test_a_hang_lasts_until_the_caller_gives_up(api: Api):
    api.sandbox.faults.add("GET /v0/stores", "hang")
    with pytest.raises(TimeoutError):
        await api.call("GET", "/v0/stores", timeout=aiohttp.ClientTimeout(total=0.2))
    assert (await api.call("GET", "/v0/stores")).status == 200


async def test_a_sandbox_with_a_hanging_request_stops_at_once():
    async with aiohttp.ClientSession() as session:
        async with Sandbox(speed=0) as sandbox:
            sandbox.faults.add("Ping", "hang")
            hanging = asyncio.create_task(session.get(f"{sandbox.url}/ping"))
            while not sandbox.requests:  # noqa: ASYNC110 - the sandbox rings no bell for a request
                await asyncio.sleep(0.01)
            before = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - before < 3
        with pytest.raises(aiohttp.ClientConnectionError):
            await hanging


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_delay_holds_an_answer_back(api: Api, after_effect: bool):
    api.sandbox.faults.add("ListStores", "delay", delay=0.1, after_effect=after_effect)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await api.call("GET", "/v0/stores")).status == 200
    assert loop.time() - began >= 0.1


async def test_optional_fields_can_be_left_out_of_answers(api: Api):
    """All of them with a share of 1; never one that the spec requires, and only of the answer."""
    made = await api.post("/v0/aois", await api.aoi_body())
    path = f"/v0/aoi/{made['aoi_id']}"
    whole = await api.get(path)
    api.sandbox.faults.add("GetAoiById", "lack", share=1.0)
    assert await api.get(path) == {"aoi_id": made["aoi_id"]}
    api.sandbox.faults.add("GetAoiById", "lack", share=0.5)
    assert {"aoi_id"} < (await api.get(path)).keys() < whole.keys()
    assert await api.get(path) == whole


async def test_an_expired_token_can_be_had_as_a_fault(api: Api):
    api.sandbox.faults.add("api", "expire")
    assert await api.refused("GET", "/v0/stores") == (403, "the token has expired or was revoked")
    assert (await api.call("GET", "/v0/stores")).status == 200


@given(
    times=st.none() | st.integers(1, 20),
    probability=st.sampled_from([0.0, 0.3, 1.0]),
    calls=st.integers(0, 60),
    seed=st.integers(0, 5),
)
def test_a_fault_strikes_as_often_as_it_was_told_to(
    times: int | None, probability: float, calls: int, seed: int
):
    """Never more than `times`; always with probability 1, never with 0; the same again for the same seed."""

    def run() -> tuple[list[bool], Fault]:
        faults = Faults(seed)
        fault = faults.add("api", "status", times=times, probability=probability)
        return [bool(faults.take("ListAOIs", "api")) for _ in range(calls)], fault

    struck, fault = run()
    assert struck == run()[0]
    assert sum(struck) == fault.hits <= (calls if times is None else times)
    if probability == 1:
        assert fault.hits == (calls if times is None else min(calls, times))
    if probability == 0:
        assert fault.hits == 0


def test_faults_hit_their_target_only_and_can_be_cleared():
    faults = Faults()
    faults.add("storage", "reset", times=None)
    assert faults.take("ListAOIs", "GET /v0/aois", "api") == []
    assert [fault.kind for fault in faults.take("storage")] == ["reset"]
    faults.clear()
    assert faults.take("storage") == []


def test_a_delay_joins_the_fault_after_it():
    faults = Faults()
    for kind in ("delay", "lack", "status", "reset"):
        faults.add("api", kind)  # type: ignore[arg-type]
    assert [fault.kind for fault in faults.take("api")] == ["delay", "lack", "status"]
    assert [fault.kind for fault in faults.take("api")] == ["reset"]


async def test_every_request_is_remembered_with_operation_and_status(api: Api):
    await api.get("/v0/aois?limit=3")
    await api.call("GET", "/v0/aoi/nobody")
    await api.call("GET", "/nowhere")
    records = [(r.method, r.path, r.query, r.operation_id, r.status) for r in api.sandbox.requests]
    assert records == [
        ("GET", "/v0/aois", "limit=3", "ListAOIs", 200),
        ("GET", "/v0/aoi/nobody", "", "GetAoiById", 404),
        ("GET", "/nowhere", "", None, 404),
    ]


class Ticks:
    """Real seconds that a test moves."""

    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_the_clock_runs_at_its_speed_and_can_be_pushed_on():
    ticks = Ticks()
    clock = SandboxClock(speed=60, start=START, monotonic=ticks)
    ticks.now += 2
    assert clock.now() == START + timedelta(minutes=2)
    assert clock.advance(timedelta(hours=1)) == START + timedelta(hours=1, minutes=2)


def test_a_clock_of_speed_zero_stands_still():
    ticks = Ticks()
    clock = SandboxClock(speed=0, start=START, monotonic=ticks)
    ticks.now += 1000
    assert clock.now() == START
    assert clock.advance(5) == START + timedelta(seconds=5)


def test_a_clock_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="speed"):
        SandboxClock(speed=-1)
    with pytest.raises(ValueError, match="time zone"):
        SandboxClock(start=datetime(2026, 3, 1))
    with pytest.raises(ValueError, match="cannot go back"):
        SandboxClock().advance(-1)


@given(seconds=st.floats(0.5, 1e6), elapsed=st.lists(st.floats(0, 2e6), min_size=2, max_size=20))
def test_a_course_only_goes_forward(seconds: float, elapsed: list[float]):
    """Whatever the moments at which one looks: progress and last change never fall, and the end is the end."""
    course = Course(START, seconds)
    moments = [START + timedelta(seconds=s) for s in sorted(elapsed)]
    assert [course.progress(m) for m in moments] == sorted(course.progress(m) for m in moments)
    assert [course.touched(m) for m in moments] == sorted(course.touched(m) for m in moments)
    for moment in moments:
        assert course.settled(moment) is (course.progress(moment) == 100) is (moment >= course.ends)
        assert course.touched(moment) <= max(moment, course.ends)


def test_what_is_stuck_never_settles():
    course = Course(START, 10, Outcome.STUCK)
    far = START + timedelta(days=1000)
    words = Words(("started", "running"), "success", "failed")
    assert (course.word(far, words), course.progress(far), course.failed(far)) == ("running", 50, False)


def test_outcomes_are_planned_or_written_into_the_name():
    outcomes = Outcomes()
    outcomes.plan("job", "fail", times=2)
    taken = [outcomes.take("job", "weekly [stuck]") for _ in range(3)]
    assert taken == [Outcome.FAIL, Outcome.FAIL, Outcome.STUCK]
    assert marked(None, "no marks here [whatever]") is Outcome.SUCCESS
    with pytest.raises(ValueError, match="explode"):
        outcomes.plan("job", "explode")


def test_conditions_know_operators_lists_and_bare_values():
    item = {"id": "a", "properties": {"gsd": 10, "instruments": ["VNIR", "SWIR"]}, "assets": {"B01": {}}}
    for query, expected in (
        ({"gsd": {"gt": 9, "lt": 11}}, True),
        ({"gsd": {"gt": 10}}, False),
        ({"gsd": 10}, True),
        ({"instruments": {"eq": ["SWIR"]}}, True),
        ({"bands": {"eq": ["B01", "B02"]}}, False),
        ({"missing": {"lt": 5}}, False),
        ({"missing": None}, False),
        ({"gsd": {"lt": "text"}}, False),
    ):
        accepts = condition(query)
        assert accepts is not None
        assert accepts(item) is expected
    assert condition({}) is None


async def test_the_same_seed_gives_the_same_ids_and_durations():
    async def story(seed: int) -> tuple[str, list[str]]:
        clock = SandboxClock(speed=0, start=START)
        async with Sandbox(seed=seed, clock=clock) as sandbox, aiohttp.ClientSession() as session:
            session.headers["Authorization"] = f"Bearer {sandbox.token}"
            api = Api(sandbox, session)
            aoi = await api.aoi(wait=False)
            seen = []
            for _ in range(20):
                clock.advance(2)
                seen.append((await api.get(f"/v0/aoi/{aoi['aoi_id']}"))["updated_at"])
            return aoi["aoi_id"], seen

    assert await story(3) == await story(3)
    assert await story(3) != await story(4)


async def test_a_package_is_fetched_from_another_origin_until_its_url_expires(api: Api):
    """The URL needs no token; after an hour of sandbox time it is refused, and asking again gives a fresh one."""
    aoi = await api.aoi()
    asset = (await api.get(f"/v0/aois/{aoi['aoi_id']}/assets"))["assets"][0]["id"]
    made = await api.post(f"/v0/aois/{aoi['aoi_id']}/downloads", {"asset_ids": [asset]})
    api.sandbox.clock.advance(20)
    path = f"/v0/aois/{aoi['aoi_id']}/downloads/{made['download_id']}"
    url = (await api.get(path))["signed_url"]
    assert not url.startswith(api.sandbox.url)
    async with aiohttp.ClientSession(requote_redirect_url=False) as session:

        async def fetch(url: str) -> tuple[int, bytes]:
            async with session.get(URL(url, encoded=True)) as answer:
                return answer.status, await answer.read()

        code, data = await fetch(url)
        assert code == 200
        assert zipfile.ZipFile(BytesIO(data)).testzip() is None
        api.sandbox.clock.advance(3601)
        assert (await fetch(url))[0] == 403
        assert (await fetch((await api.get(path))["signed_url"]))[0] == 200


@pytest.fixture
async def faulty() -> AsyncIterator[Sandbox]:
    """A sandbox that checks its answers, one of which is off the spec."""
    async with Sandbox(speed=0, validate_answers=True) as sandbox:
        yield sandbox


async def test_an_answer_off_the_spec_is_found_out(faulty: Sandbox, monkeypatch: pytest.MonkeyPatch):
    """Proof that the check which all these tests lean on can fail."""
    faulty.state.stores["broken"] = None  # type: ignore[assignment]
    monkeypatch.setattr(
        "pixxel_async.sandbox._routes.catalogs._store_json", lambda store: {"id": 7, "type": "FTP"}
    )
    assert await status(faulty, f"Bearer {faulty.token}") == 500
    assert [(d["operation"], d["faults"][0]["path"]) for d in faulty.defects] == [
        ("ListStores", "answer.stores[0].id")
    ]


async def test_a_defect_of_a_handler_is_a_500_in_the_envelope(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
):
    sandbox.state.stores["broken"] = None  # type: ignore[assignment]
    assert await status(sandbox, f"Bearer {sandbox.token}") == 500
    assert "ListStores" in caplog.text


async def test_a_body_that_is_too_large_is_refused_in_the_envelope(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pixxel_async.sandbox._server.app._LARGEST_BODY", 1000)
    async with Sandbox(speed=0) as sandbox, aiohttp.ClientSession() as session:
        session.headers["Authorization"] = f"Bearer {sandbox.token}"
        reply = await Api(sandbox, session).call("POST", "/v0/archives/search", {"ids": ["x" * 2000]})
        assert (reply.status, reply.error["code"]) == (413, "too_large")


async def test_a_sandbox_that_does_not_run_says_so():
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="async with"):
        _ = sandbox.url
    async with sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
    with pytest.raises(RuntimeError, match="async with"):
        _ = sandbox.url


async def test_two_sandboxes_live_side_by_side():
    async with Sandbox() as one, Sandbox() as other:
        assert len({one.url, other.url, one.storage_url, other.storage_url}) == 4


async def test_a_port_that_is_taken_leaves_nothing_open():
    async with Sandbox() as one:
        port = int(one.url.rpartition(":")[2])
        with pytest.raises(OSError, match=str(port)):
            async with Sandbox(port=port):
                pass


def test_random_is_not_shared():
    """The sandbox draws from its own seeds and leaves the program's random numbers alone."""
    random.seed(1)
    expected = random.random()
    random.seed(1)
    Faults(1).take("api")
    Sandbox(seed=5)
    assert random.random() == expected
