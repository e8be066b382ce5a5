"""Settings: which source wins, and errors that name place and remedy."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path

import pytest

from pixxel_async._http.auth import Secret
from pixxel_async._http.network import is_loopback
from pixxel_async.config import Settings, check_base_url, log_as_asked, settings
from pixxel_async.errors import ConfigurationError

CANARY = "canary-7f3a9b"


def write(directory: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    file = directory / "config.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return {"PIXXEL_CONFIG_FILE": str(file)}


FILE = """
[profiles.work]
token = "work-token"
base_url = "https://work.example"
auth_scheme = ""

[profiles."two words"]
token = "other-token"
"""


def test_n1_without_a_token_the_three_ways_to_give_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings(environ={"PIXXEL_CONFIG_FILE": str(tmp_path / "none.toml")})
    for way in ("token=", "PIXXEL_API_KEY", "profile", str(tmp_path / "none.toml")):
        assert way in str(caught.value)


def test_an_argument_wins_over_profile_and_environment(tmp_path: Path) -> None:
    environ = write(tmp_path, FILE) | {
        "PIXXEL_API_KEY": "env-token",
        "PIXXEL_BASE_URL": "https://env.example",
    }
    assert Settings(
        token=Secret("argument"), base_url="https://argument.example", auth_scheme="Key"
    ) == settings(
        Secret("argument"),
        profile="work",
        base_url="https://argument.example",
        auth_scheme="Key",
        environ=environ,
    )


def test_a_profile_named_by_an_argument_wins_over_the_environment(tmp_path: Path) -> None:
    environ = write(tmp_path, FILE) | {
        "PIXXEL_API_KEY": "env-token",
        "PIXXEL_BASE_URL": "https://env.example",
    }
    assert Settings(token=Secret("work-token"), base_url="https://work.example", auth_scheme="") == settings(
        profile="work", environ=environ
    )


def test_the_environment_wins_over_the_profile_that_it_names(tmp_path: Path) -> None:
    environ = write(tmp_path, FILE) | {"PIXXEL_API_KEY": "env-token", "PIXXEL_PROFILE": "work"}
    assert Settings(token=Secret("env-token"), base_url="https://work.example", auth_scheme="") == settings(
        environ=environ
    )


def test_the_alias_counts_and_the_defaults_are_the_vendors() -> None:
    assert Settings(
        token=Secret("alias"), base_url="https://api.pixxel.space", auth_scheme="Bearer"
    ) == settings(environ={"PIXXEL_API_KEY": "", "PIXXEL_TOKEN": "alias"})


def test_a_profile_may_have_a_name_of_two_words(tmp_path: Path) -> None:
    assert Secret("other-token") == settings(profile="two words", environ=write(tmp_path, FILE)).token


def test_the_file_is_looked_for_where_the_platform_keeps_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for platform, variables, folder in (
        ("linux", {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, tmp_path / "xdg"),
        ("win32", {"APPDATA": str(tmp_path / "roaming")}, tmp_path / "roaming"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        (folder / "pixxel").mkdir(parents=True)
        write(folder / "pixxel", FILE)
        assert Secret("work-token") == settings(profile="work", environ=variables).token


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_s3_a_file_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigurationError, match=r"chmod 600 .*config\.toml"):
        settings(profile="work", environ=write(tmp_path, FILE, mode))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (FILE, "no profile 'home'; it has: two words, work"),
        ("", "no profile 'home'; it has: none"),
        ("profiles = 1", "no profile 'home'; it has: none"),
        ("[profile.home]\ntoken='x'", "unknown key 'profile'; put profiles into tables [profiles.NAME]"),
        (
            "[profiles.home]\ntoken = 'x'\n\ntokken = 'y'",
            "[profiles.home] tokken: unknown key; known are token, base_url, auth_scheme",
        ),
        (
            "[profiles.other]\ntoken = 'x'\n[profiles.home]\ntoken = 12",
            "[profiles.home] token: must be a string, not int",
        ),
        ("[profiles.home]\ntoken = x", "not valid TOML (at line 2, column 9)"),
    ],
)
def test_s3_a_wrong_file_is_told_with_line_and_key(tmp_path: Path, text: str, problem: str) -> None:
    environ = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        settings(profile="home", environ=environ)
    assert str(caught.value).startswith(f"{environ['PIXXEL_CONFIG_FILE']}: {problem}")


@pytest.mark.parametrize(
    "text",
    [
        f"[profiles.home]\ntoken = '{CANARY}'\ntokken = 'x'",
        f"[profiles.home]\ntoken = ['{CANARY}']",
        f"[profiles.other]\ntoken = '{CANARY}'",
        f"[profiles.home]\ntoken = {CANARY}",
        f"[profiles.home]\ntoken = '{CANARY}\n",
    ],
)
def test_s6_a_wrong_file_shows_no_token_in_a_frame_of_ours(tmp_path: Path, text: str) -> None:
    """Reports of crashes show the local variables of every frame."""
    environ = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        settings(profile="home", environ=environ)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in shown.stack if "pixxel_async" in frame.filename]
    assert frames
    assert [] == [frame for frame in frames if CANARY in repr(frame.locals)]
    assert CANARY not in str(caught.value)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


def test_s3_a_file_that_is_missing_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        settings(profile="work", environ={"PIXXEL_CONFIG_FILE": str(tmp_path / "none.toml")})
    environ = write(tmp_path, "")
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        settings(profile="work", environ=environ)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://API.Example/", "https://api.example"),
        ("HTTPS://api.example:443/base/", "https://api.example/base"),
        ("https://api.example:8443", "https://api.example:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://localhost:80", "http://localhost"),
    ],
)
def test_a_base_url_is_brought_into_one_form(url: str, expected: str) -> None:
    assert expected == check_base_url(url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://api.example", "is http: the token would travel in clear"),
        ("http://127.0.0.1.example", "is http"),
        ("https://user:secret@api.example", "must not hold a user name or password"),
        ("https://@api.example", "must not hold a user name or password"),
        ("ftp://api.example", "must begin with https://"),
        ("api.example", "must begin with https://"),
        ("https://", "must begin with https://"),
        ("", "must begin with https://"),
        ("https://api.example/?a=1", "query or fragment"),
        ("https://api.example/#", "query or fragment"),
        ("https://api.example/a b", "holds blanks"),
        ("https://bücher.example", "non-ASCII"),
        ("https://api.example\\@evil", "holds blanks|must not hold"),
        ("https://api.example:port", "cannot be read"),
        ("https://[::1", "cannot be read"),
    ],
)
def test_n8_a_base_url_that_would_leak_or_fail_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        check_base_url(url)
    assert "secret" not in str(caught.value)


def test_the_origin_is_the_base_url_without_its_path() -> None:
    found = settings(Secret("t"), base_url="https://api.example:8443/base", environ={})
    assert ("https://api.example:8443", False) == (found.origin, found.is_local)


def test_this_machine_is_known_by_its_names() -> None:
    assert [True] * 4 == [is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.0.1", "::1")]
    assert [False] * 3 == [is_loopback(host) for host in ("example.com", "10.0.0.1", "localhost.example.com")]


def test_the_log_is_shown_from_the_level_that_is_asked_for() -> None:
    logger = logging.getLogger("pixxel_async")
    before = (logger.level, logger.handlers[:])
    try:
        log_as_asked({})
        assert before == (logger.level, logger.handlers)
        log_as_asked({"PIXXEL_LOG": "info"})
        log_as_asked({"PIXXEL_LOG": "info"})
        assert (logging.INFO, len(before[1]) + 1) == (logger.level, len(logger.handlers))
        with pytest.raises(ConfigurationError, match="PIXXEL_LOG is 'LOUD'; use DEBUG"):
            log_as_asked({"PIXXEL_LOG": "loud"})
    finally:
        logger.setLevel(before[0])
        logger.handlers[:] = before[1]
