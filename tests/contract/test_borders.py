"""Odd arguments: each ends in one error of the SDK, before anything is sent, that names the place and shows no secret."""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixxel_async import (
    ConfigurationError,
    DownloadError,
    FileInTheWay,
    InvalidInput,
    OutcomeUnknown,
    PixxelClient,
    RetryPolicy,
    WaitFailed,
    models,
)
from pixxel_async._base.shown import MOST_SECONDS, is_seconds, shown
from pixxel_async._codec.checks import Check
from pixxel_async._codec.json_bytes import encode
from pixxel_async._codec.model import Model
from pixxel_async._http.auth import Auth, Secret
from pixxel_async._http.call import CallOptions
from pixxel_async._http.messages import Request
from pixxel_async.bulk import Recipe, Run, Search, load_recipe, open_source, results, status
from pixxel_async.config import settings
from pixxel_async.geometry import geometry
from pixxel_async.testing import FakeTransport


class Shy:
    """Has no repr."""

    def __repr__(self) -> str:
        raise RuntimeError("not now")


def nested(depth: int) -> Any:
    value: Any = 10**5000
    for _ in range(depth):
        value = [value]
    return value


HUGE = 10**5000
"""Python itself refuses to write more than 4,300 digits."""
EDGES = [datetime.min, datetime.max]
EDGES += [edge.replace(tzinfo=timezone(timedelta(hours=hours))) for edge in EDGES for hours in (-14, 14)]
ODD: list[Any] = [
    *(HUGE, -HUGE, 10**400, 2**64, -(2**63) - 1, Fraction(10**400), Decimal("1e400"), 1j),
    *(math.inf, -math.inf, math.nan, 1e308, 5e-324, True, None),
    *("", " ", "\0", "a\0b", "\ud800", b"\xff", Path("a\0b"), Path("\udcff")),
    *(Shy(), object(), HUGE.bit_count, int, [], {}, nested(5)),
    *EDGES,
]
LARGE = [nested(300), nested(900), "x" * 10**5]
"""Nested deeper than orjson writes; too large for Hypothesis to show."""
KEYS = ["x", "type", "coordinates", "name", "", "\ud800", HUGE, 1.5]
odd = st.recursive(  # by number: strategies show their values
    st.sampled_from(range(len(ODD))).map(lambda number: ODD[number])
    | st.integers()
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(range(len(KEYS))).map(lambda number: KEYS[number]), inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=6,
)

FIELDS: dict[str, Any] = {
    f"{model.__name__}.{field.name}": field.converter
    for model in vars(models).values()
    if isinstance(model, type) and issubclass(model, Model)
    for field in attrs.fields(model)
    if isinstance(field.converter, Check)
}
"""The checks of all fields that can be sent."""


def kind(value: Any) -> str:
    """The id of a value that may have no text."""
    return type(value).__name__


def ends_well(call: Callable[[], Any]) -> Any:
    """What a call gives, or None where it ends in an error of the SDK with a short message."""
    try:
        return call()
    except (InvalidInput, ConfigurationError) as error:
        words = str(error)
    assert 0 < len(words) < 2000
    return None


@pytest.mark.parametrize("value", [*ODD, *LARGE], ids=kind)
def test_s7_no_field_takes_what_cannot_be_sent(value: Any) -> None:
    """What is let through, such as free-form values, is refused when it is written."""
    for name, check in FIELDS.items():
        taken = ends_well(lambda check=check, name=name: check.test(value, name))
        ends_well(lambda taken=taken: encode({"x": taken}))


@given(value=odd, name=st.sampled_from(sorted(FIELDS)))
@example(value={"x": HUGE}, name="InsightCreate.metadata")
def test_s7_whatever_is_in_a_field_ends_in_an_error_of_the_sdk(value: Any, name: str) -> None:
    taken = ends_well(lambda: FIELDS[name].test(value, name))
    ends_well(lambda: encode({"x": taken}))


@given(odd)
def test_s7_whatever_is_written_as_json_ends_in_an_error_of_the_sdk(value: Any) -> None:
    ends_well(lambda: encode(value))
    ends_well(lambda: geometry(value))


@given(odd)
def test_s7_whatever_is_shown_is_short(value: Any) -> None:
    assert 0 < len(shown(value)) <= 80


def test_s7_metadata_with_a_huge_number_is_refused_with_its_place() -> None:
    place = r"^InsightCreate\.metadata\['x'\]: expected text, got a value of type int that cannot be shown$"
    with pytest.raises(InvalidInput, match=place):
        models.InsightCreate(
            block=models.BlockRef(name="b", version="1"),
            input=[],
            metadata={"x": HUGE},  # type: ignore[dict-item]
        )


# --- seconds ---

SECONDS: dict[str, Callable[[Any], Any]] = {
    "timeout": lambda value: CallOptions(timeout=value),
    "attempt_timeout": lambda value: CallOptions(attempt_timeout=value),
    "settle_window": lambda value: PixxelClient(transport=FakeTransport({}), settle_window=value),
    "base": lambda value: RetryPolicy(base=value),
    "cap": lambda value: RetryPolicy(cap=value),
    "retry_after_cap": lambda value: RetryPolicy(retry_after_cap=value),
    "wait": lambda value: PixxelClient(transport=FakeTransport({})).aois.wait("a", timeout=value),
    "poll_interval": lambda value: PixxelClient(transport=FakeTransport({})).aois.wait(
        "a", poll_interval=value
    ),
}


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize(
    "value", [HUGE, -HUGE, 10**400, 1e300, MOST_SECONDS + 1, math.nan, "5", Shy()], ids=kind
)
def test_s7_a_time_beyond_what_a_clock_can_count_is_refused(name: str, value: Any) -> None:
    with pytest.raises((ConfigurationError, InvalidInput), match="seconds"):
        SECONDS[name](value)


@given(st.integers(1, MOST_SECONDS) | st.floats(5e-324, MOST_SECONDS))
def test_s7_what_is_taken_for_seconds_can_be_added_to_a_date(value: float) -> None:
    assert is_seconds(value)
    assert datetime.now(UTC) < datetime.now(UTC) + timedelta(seconds=value) or value < 1e-6


@pytest.mark.parametrize("name", ["attempts", "idempotent_attempts"])
@pytest.mark.parametrize("value", [-HUGE, 0, 1.5, Shy()], ids=kind)
def test_s7_a_number_of_attempts_that_cannot_be_is_refused(name: str, value: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=f"RetryPolicy.{name} must be a whole number from 1 on, not "
    ):
        RetryPolicy(**{name: value})


# --- paths ---


def below(directory: Path) -> list[Path]:
    return [*directory.rglob("*")]


PACKAGE = "GET /v0/aois/a-1/downloads/d-1"
READY = {"download_id": "d-1", "status": "success", "signed_url": "https://storage.example/p.zip?X=canary-1"}


async def began(out: Any) -> None:
    recipe = Recipe(images=Search(start="2026-06-01", end="2026-09-01"), project="p", make=())
    async with (
        PixxelClient(transport=FakeTransport({})) as client,
        Run.start(client, "fields.geojson", recipe, out),
    ):
        pass


async def saved(directory: Any) -> None:
    transport = FakeTransport({})
    async with PixxelClient(transport=transport) as client:
        with pytest.raises(InvalidInput, match="directory="):
            await client.save("https://storage.example/p.zip", directory)
        try:
            await client.downloads.wait("a-1", "d-1").save(directory)
        finally:
            assert [] == transport.requests


PATHS: dict[str, Callable[[Any], Any]] = {
    "directory": saved,
    "out": began,
    "out of results": lambda out: list(results(out)),
    "out of status": status,
    "path of a source": open_source,
    "path of a recipe": load_recipe,
}


async def taken_as(name: str, path: Any) -> None:
    found = PATHS[name](path)
    if inspect.isawaitable(found):
        await found


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("path", ["a\0b", Path("a\0b"), "\ud800", b"bytes", 5, None, HUGE, Shy()], ids=kind)
async def test_s7_what_no_file_system_takes_for_a_path_is_refused(name: str, path: Any) -> None:
    with pytest.raises(InvalidInput, match=f"^{name.split()[0]}=.* is not a path: give text") as caught:
        await taken_as(name, path)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("filename", ["a\0b", "\ud800", b"bytes", 5, HUGE, Shy(), ""], ids=kind)
async def test_s7_what_is_no_file_name_is_refused(filename: Any, tmp_path: Path) -> None:
    async with PixxelClient(transport=FakeTransport({})) as client:
        with pytest.raises(InvalidInput, match=r"^filename="):
            await client.downloads.wait("a-1", "d-1").save(tmp_path, filename=filename)


@pytest.mark.parametrize("place", ["/proc/self", "/proc/self/new", "{tmp}/file/new", "{tmp}/" + "n" * 300])
@pytest.mark.parametrize("unzip", [False, True])
async def test_s7_a_folder_that_cannot_be_written_is_refused_before_the_wait(
    place: str, unzip: bool, tmp_path: Path
) -> None:
    """Folders in which root cannot write either."""
    (tmp_path / "file").touch()
    transport = FakeTransport({PACKAGE: READY})
    directory = place.format(tmp=tmp_path)
    async with PixxelClient(transport=transport) as client:
        with pytest.raises(DownloadError, match=re.escape(directory)):
            await client.downloads.wait("a-1", "d-1").save(directory, unzip=unzip)
    assert [] == transport.requests


async def test_s7_names_that_are_taken_by_what_is_no_file_are_refused_before_the_wait(tmp_path: Path) -> None:
    """The folder of the archive, the file in the making."""
    transport = FakeTransport({PACKAGE: READY})
    (tmp_path / "x").symlink_to("/proc/self")
    (tmp_path / "y.zip.part").mkdir()
    async with PixxelClient(transport=transport) as client:
        wait = client.downloads.wait("a-1", "d-1")
        with pytest.raises(DownloadError, match=re.escape(str(tmp_path / "x"))):
            await wait.save(tmp_path, filename="x.zip", unzip=True, overwrite=True)
        with pytest.raises(FileInTheWay, match=r"y\.zip\.part is not a file"):
            await wait.save(tmp_path, filename="y.zip")
    assert [] == transport.requests


async def test_s7_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    """Although a file was made in it."""
    async with PixxelClient(
        transport=FakeTransport({PACKAGE: {"download_id": "d-1", "status": "failed"}})
    ) as client:
        with pytest.raises(WaitFailed):
            await client.downloads.wait("a-1", "d-1").save(tmp_path / "new")
    assert [tmp_path / "new"] == below(tmp_path)


# --- URLs ---


@pytest.mark.parametrize(
    "url",
    ["ftp://storage.example/p?x=canary-1", "http://x.example/p", "https://127.0.0.1/p", "no", "\0", "ä"],
)
async def test_s7_a_bad_url_of_the_api_is_not_the_callers_fault(url: str, tmp_path: Path) -> None:
    async with PixxelClient(transport=FakeTransport({PACKAGE: READY | {"signed_url": url}})) as client:
        with pytest.raises(DownloadError, match="the URL ") as caught:
            await client.downloads.wait("a-1", "d-1").save(tmp_path)
        with pytest.raises(InvalidInput, match="the URL "):
            await client.save(url, tmp_path)
    assert not isinstance(caught.value, InvalidInput)
    assert [] == below(tmp_path)


# --- elsewhere than in asyncio ---

ENTRIES: dict[str, Callable[[PixxelClient], Any]] = {
    "enter": lambda client: client.__aenter__(),
    "call": lambda client: client.orders.get("o-1"),
    "create": lambda client: client.jobs.create("w-1", project_id="p"),
    "list": lambda client: client.orders.list(),
    "walk": lambda client: anext(aiter(client.orders.list(prefetch=True))),
    "wait": lambda client: client.aois.wait("a-1"),
    "watch": lambda client: anext(aiter(client.aois.wait("a-1"))),
    "wait for many": lambda client: client.aois.wait_many(["a-1", "a-2"]),
    "watch many": lambda client: anext(aiter(client.aois.wait_many(["a-1", "a-2"]))),
    "wait and save": lambda client: client.downloads.wait("a-1", "d-1").save("somewhere"),
    "save": lambda client: client.save("https://storage.example/p.zip", "somewhere"),
    "reconcile": lambda client: client.reconcile(OutcomeUnknown("lost")),
    "token": lambda client: client.token_print("salt"),
    "ping": lambda client: client.ping(),
    "available": lambda client: client.available(),
    "close": lambda client: client.aclose(),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_s7_without_an_event_loop_of_asyncio_an_error_says_so(entry: str) -> None:
    """In a thread of its own, or under trio, which runs coroutines just like this."""

    async def call() -> None:
        await ENTRIES[entry](PixxelClient("canary-token"))

    with pytest.raises(ConfigurationError, match=r"^no event loop of asyncio is running: "):
        call().send(None)


# --- settings ---


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ('"canary-token"', "Bearer canary-token"),
        ("'canary-token'", "Bearer canary-token"),
        ("\u201ccanary-token\u201d", "Bearer canary-token"),
        ('"Basic canary-token"', "Basic canary-token"),
        ("Basic 'canary-token'", "Basic canary-token"),
    ],
)
def test_s7_quotes_around_a_token_are_left_out_with_a_warning(given: str, sent: str) -> None:
    origin = "https://api.example"
    request = Request("GET", f"{origin}/v0/orders", "/v0/orders", {})
    with pytest.warns(RuntimeWarning, match="^the token is in quotation marks, which are left out") as caught:
        Auth(Secret(given), "Bearer", origin).sign(request)
    assert sent == request.headers["Authorization"]
    assert "canary" not in str(caught[0].message)


def test_s7_the_warning_of_quotes_is_at_the_call_of_the_user() -> None:
    with pytest.warns(RuntimeWarning) as caught:
        PixxelClient('"canary-token"')
    assert __file__ == caught[0].filename


@pytest.mark.parametrize("token", ['"canary-token', "canary-token'", "''", '"', '"canary token"'])
@pytest.mark.filterwarnings("ignore:the token is in quotation marks")
def test_s7_other_quotes_in_a_token_are_refused(token: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^the token ") as caught:
        PixxelClient(token)
    assert "canary" not in str(caught.value)


SETTINGS = ["token", "base_url", "auth_scheme", "profile", "ca_file", "proxy", "ssl_context", "connector"]


@pytest.mark.parametrize("name", SETTINGS)
@given(value=odd)
def test_s7_whatever_a_setting_is_it_ends_in_an_error_of_the_sdk(name: str, value: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ends_well(lambda: PixxelClient(**{"token": "canary-token", name: value}))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example?key=canary-1",
        "https://api.example/#canary-1",
        "https://api.example/ ?key=canary-1",
        "ftp://api.example?key=canary-1",
        "http://api.example/?canary-1",
        "https:/user:canary-1@api.example",
        "user:canary-1@api.example",
        "https://api.example\\?canary-1",
    ],
)
def test_s7_a_base_url_that_is_refused_shows_no_secret(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the base URL ") as caught:
        PixxelClient("token", base_url=url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("home", ["~nobody-here/config.toml", "a\0b"])
def test_s7_a_configuration_file_that_cannot_be_is_refused(home: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: "):
        settings(profile="work", environ={"PIXXEL_CONFIG_FILE": home})
