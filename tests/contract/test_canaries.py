"""The watch over all tests sees what it is there to see."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from canaries import Watch
from stubs import Stub, answer

from pixxel_async import NotFound, PixxelClient

SECRET = "open-sesame"


@pytest.fixture
def own() -> Watch:
    """One that looks for a word which the watch over this very test does not know."""
    return Watch(re.compile(SECRET))


@pytest.mark.parametrize("place", ["msg", "args", "pixxel", "exc_info"])
def test_a_secret_in_the_log_is_seen(place: str, own: Watch) -> None:
    value = {"args": (SECRET,), "exc_info": (ValueError, ValueError(SECRET), None)}.get(place, SECRET)
    own.handle(logging.makeLogRecord({"msg": "%s" if place == "args" else "fine", place: value}))
    assert 1 == len(own.leaks)


@pytest.mark.parametrize("place", ["message", "code", "details", "note", "local variable"])
async def test_a_secret_in_an_error_is_seen(place: str, own: Watch) -> None:
    async with Stub(answer(404)) as stub, PixxelClient("token", base_url=stub.url) as client:
        with pytest.raises(NotFound) as caught:
            await client.orders.get(SECRET if place == "local variable" else "o-1")
    error = caught.value
    error.path = ""
    if place == "note":
        error.add_note(SECRET)
    elif place != "local variable":
        setattr(error, place, SECRET)
    own.look_at(error)
    assert own.leaks
    assert ("local" in place) == all(leak.startswith("the local variable") for leak in own.leaks)


def test_a_secret_in_a_file_is_seen(own: Watch, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.part.json").write_text(f'{{"url": "{SECRET}"}}')
    (tmp_path / "config.toml").write_text(SECRET)  # there it belongs
    own.look_through(tmp_path)
    assert 1 == len(own.leaks)


def test_it_hears_from_debug_on_what_the_tests_log(watch: Watch) -> None:
    logger = logging.getLogger("pixxel_async.calls")
    logger.debug("%s", "canary-in-the-log")
    leaks, watch.leaks = watch.leaks, []
    assert 1 == len(leaks)
