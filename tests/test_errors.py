"""The error tree: every fact survives pickling and copying, and the drawing at its top is true."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any

import pytest

from pixxel_async import errors
from pixxel_async.errors import (
    APIError,
    Attempt,
    CallError,
    OutcomeUnknown,
    PixxelError,
    ServerError,
    WaitError,
)


def all_errors() -> list[type[PixxelError]]:
    """Those of `pixxel_async.errors`: other modules, imported or not, have errors of their own."""
    found: list[type[PixxelError]] = [PixxelError]
    for kind in found:
        found.extend(sub for sub in kind.__subclasses__() if sub.__module__ == PixxelError.__module__)
    return found


def example(kind: type[PixxelError]) -> PixxelError:
    facts: dict[str, Any] = {}
    if issubclass(kind, CallError):
        attempts = (Attempt("sent", "503", 0.5, 1.0, "r-1"), Attempt("done", "200", 0.1))
        facts |= {"endpoint": "GetOrder", "method": "GET", "path": "/v0/orders/o", "attempts": attempts}
    if issubclass(kind, APIError):
        facts |= {
            "status": 503,
            "code": "busy",
            "details": {"a": [1]},
            "request_id": "r-1",
            "retry_after": 2.0,
        }
    if issubclass(kind, OutcomeUnknown):
        facts |= {"cause": ServerError("down", status=503), "accepted": True}
    if issubclass(kind, WaitError):
        facts |= {"kind": "aoi", "id": "a-1", "last": {"status": "running"}}
    return kind("what happened", **facts)


def facts_of(error: PixxelError) -> dict[str, Any]:
    return {
        name: facts_of(value) if isinstance(value, PixxelError) else value
        for name, value in vars(error).items()
    }


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "duplicate",
    [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_errors_keep_their_facts_when_pickled_and_copied(kind: type[PixxelError], duplicate: Any) -> None:
    error = example(kind)
    error.add_note("a note")
    twin = duplicate(error)
    assert type(error) is type(twin)
    assert str(error) == str(twin)
    assert error.args == twin.args
    assert facts_of(error) == facts_of(twin)


def test_the_drawing_names_every_class_under_its_base() -> None:
    stack: list[str] = []
    drawn: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ((?:[│ ]   )*(?:[├└]── )?)([A-Z]\w+)(?:\s|$)", line):
            depth = len(match[1]) // 4
            stack[depth:] = [match[2]]
            if depth:
                drawn[match[2]] = stack[depth - 1]
    assert {kind.__name__: kind.__bases__[0].__name__ for kind in all_errors()[1:]} == drawn


def test_an_unknown_outcome_is_no_timeout() -> None:
    """Else `except TimeoutError: retry` in somebody's code would buy twice."""
    assert not issubclass(OutcomeUnknown, TimeoutError | OSError)


def test_a_call_error_says_which_call_and_how_often() -> None:
    error = example(ServerError)
    assert str(error) == ("GET /v0/orders/o: what happened (after 2 attempts) (HTTP 503 busy) [request r-1]")


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_states_its_cause_and_a_remedy(kind: type[PixxelError]) -> None:
    assert re.search(r"\n\nCause: \S.*\n\nRemedy: \S", inspect.getdoc(kind) or "", re.DOTALL)
