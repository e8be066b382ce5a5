"""The token: how it is sent, that it changes, and where it must never appear."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._http.auth import Auth, Hidden, Secret, conceal
from pixxel_async._http.messages import Request
from pixxel_async.errors import ConfigurationError

ORIGIN = "https://api.example"
CANARY = "canary-7f3a9b"


def header(auth: Auth, url: str = f"{ORIGIN}/v0/aois") -> str | None:
    request = Request("GET", url, "/v0/aois", {})
    auth.sign(request)
    return request.headers.get("Authorization")


@pytest.mark.parametrize(
    ("token", "scheme", "expected"),
    [
        ("abc123", "Bearer", "Bearer abc123"),
        ("abc123", "Key", "Key abc123"),
        ("abc123", None, "abc123"),
        ("abc123", "", "abc123"),
        ("Bearer abc123", "Bearer", "Bearer abc123"),
        ("Basic abc123", "Bearer", "Basic abc123"),
        ("bearer abc123", None, "bearer abc123"),
    ],
)
def test_a_credential_goes_out_as_it_should(token: str, scheme: str | None, expected: str) -> None:
    assert expected == header(Auth(Secret(token), scheme, ORIGIN))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.evil/v0",
        "https://api.example:444/v0",
        "http://api.example/v0",
        "https://api.example@evil/v0",
        "https://storage.example/file?signature=1",
        "https://api.example",
    ],
)
def test_the_token_stays_away_from_other_origins(url: str) -> None:
    assert header(Auth(Secret(CANARY), "Bearer", ORIGIN), url) is None


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "   ",
        f"{CANARY} x",
        f"{CANARY}\n",
        f"\t{CANARY}",
        f"{CANARY}é",
        f"{CANARY}\x00",
        "Bearer ",
        CANARY * 1000,
    ],
)
def test_a_token_that_no_header_can_hold_is_refused_without_repeating_it(bad: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Auth(Secret(bad), "Bearer", ORIGIN)
    assert str(caught.value).startswith("the token ")
    assert CANARY not in str(caught.value)


def test_a_scheme_of_two_words_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="auth_scheme must be a scheme"):
        Auth(Secret("abc123"), "Bearer token", ORIGIN)


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret(CANARY)
    assert CANARY == secret.reveal()
    assert ["***"] * 3 == [repr(secret), str(secret), f"{secret}"]


@pytest.mark.parametrize(
    "holder",
    [Secret(CANARY), Hidden(CANARY), Auth(Secret(CANARY), "Bearer", ORIGIN)],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_holds_a_secret_is_neither_pickled_nor_copied(
    holder: object, duplicate: Callable[[object], Any]
) -> None:
    with pytest.raises(TypeError, match="is not pickled or copied"):
        duplicate(holder)
    assert CANARY not in repr(holder)


@given(st.text(max_size=30) | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7F), max_size=30))
def test_a_token_is_fit_for_a_header_or_refused(token: str) -> None:
    """Whatever goes out is one line of printable ASCII, with one blank at most: that after its scheme."""
    try:
        value = header(Auth(Secret(token), "Bearer", ORIGIN))
    except ConfigurationError:
        return
    assert re.fullmatch("(?:[A-Za-z]+ )?[!-~]+", value or "")
    assert (value or "").endswith(token)


@pytest.mark.parametrize(("length", "is_taken"), [(8192, True), (8193, False)])
def test_a_token_has_at_most_8_kib(length: int, is_taken: bool) -> None:
    with (
        nullcontext()
        if is_taken
        else pytest.raises(ConfigurationError, match="is longer than 8192 characters")
    ):
        assert f"Bearer {'a' * length}" == header(Auth(Secret("a" * length), "Bearer", ORIGIN))


def test_only_plain_strings_are_concealed() -> None:
    def provider() -> str:
        return "abc123"

    assert Secret("abc123") == conceal("abc123")
    assert provider is conceal(provider)
    assert conceal(None) is None


async def test_a_provider_is_asked_at_the_first_call_and_when_its_token_is_refused() -> None:
    tokens = iter(["first-token", "second-token", "second-token"])
    auth = Auth(lambda: next(tokens), "Bearer", ORIGIN)
    assert header(auth) is None
    assert await auth.renew(0)
    assert (1, "Bearer first-token") == (auth.generation, header(auth))
    assert await auth.renew(1)
    assert (2, "Bearer second-token") == (auth.generation, header(auth))
    assert not await auth.renew(2)


async def test_calls_that_fail_together_ask_an_async_provider_once() -> None:
    asked = 0

    async def provider() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return f"token-{asked}"

    auth = Auth(provider, "Bearer", ORIGIN)
    await auth.renew(0)
    assert [True] * 20 == await asyncio.gather(*(auth.renew(1) for _ in range(20)))
    assert (2, "Bearer token-2") == (asked, header(auth))


async def test_a_token_that_cannot_change_is_not_renewed() -> None:
    auth = Auth(Secret("abc123"), "Bearer", ORIGIN)
    assert not await auth.renew(auth.generation)


async def test_a_provider_that_gives_no_string_is_told_so() -> None:
    auth = Auth(lambda: None, "Bearer", ORIGIN)  # type: ignore[arg-type,return-value]
    with pytest.raises(ConfigurationError, match="the token must be a string, not NoneType"):
        await auth.renew(0)


@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_text_keeps_the_token(before: str, after: str) -> None:
    auth = Auth(Secret(f"Bearer {CANARY}"), "Bearer", ORIGIN)
    assert CANARY not in auth.redact(f"{before}{CANARY}{after}{CANARY}")


async def test_the_previous_token_is_taken_out_as_well() -> None:
    tokens = iter(["first-token", "second-token"])
    auth = Auth(lambda: next(tokens), "Bearer", ORIGIN)
    await auth.renew(0)
    await auth.renew(1)
    assert "*** then ***" == auth.redact("first-token then second-token")
