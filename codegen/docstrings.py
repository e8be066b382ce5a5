"""The docstrings of generated methods."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from codegen import naming
from codegen.api import Call, LifeCycle, Operation, Spec
from codegen.arguments import LIST_OPTIONS, Argument, list_options

_WIDTH: Final = 100


def of_call(spec: Spec, operation: Operation, call: Call, arguments: Sequence[Argument], item: str) -> str:
    """The docstring of a method that makes a call; `item` is what a listing consists of."""
    texts = {each.name: each.description for each in arguments}
    paragraphs = [f"{call.summary.rstrip('.')}.", operation.description]
    texts |= {name: LIST_OPTIONS[name][1] for name in list_options(operation)}
    if operation.body is not None and spec.components[operation.body].exactly_one:
        names = [naming.attribute(name) for name in spec.components[operation.body].exactly_one]
        paragraphs.append(f"Give exactly one of {' and '.join(names)}.")
    if call.billable:
        free = operation.free_when
        unless = f", unless {naming.attribute(free[0])} is {free[1]}" if free else ""
        paragraphs.append(f"Charges tokens{unless}.")
    if operation.paging:
        returns = f"A paginator: `async for` walks the items ({item}), `await` collects them."
    else:
        returns = call.answer.description if call.answer.kind != "nothing" else ""
    sections = {"Args": texts, "Raises": _raises(operation, call, arguments)}
    source = f"The vendor calls this `{operation.id}`: `{operation.method} {operation.path}`."
    return _doc([*paragraphs, source], sections, returns)


def _raises(operation: Operation, call: Call, arguments: Sequence[Argument]) -> dict[str, str]:
    raises = {}
    if operation.body is not None or any("checks." in each.value for each in arguments):
        raises["InvalidInput"] = "an argument is not what the API accepts; nothing was sent."
    if "404" in operation.statuses and any(each.where == "path" for each in arguments):
        raises["NotFound"] = "nothing exists under this id."
    if "409" in operation.statuses and call.request_class == "create":
        raises["Conflict"] = "a thing of that name or content exists already."
    if call.request_class == "create":
        raises["OutcomeUnknown"] = (
            "the answer was lost: it may have happened. `await error.reconcile()` looks whether it did."
            if operation.trace
            else "the answer was lost: it may have happened. Look before you call again."
        )
    return raises


def of_wait(cycle: LifeCycle, arguments: Sequence[Argument]) -> str:
    """The docstring of a method that waits."""
    texts = _wait_options(cycle, arguments)
    does = "`await` gives the final snapshot, `async for` each change on the way"
    if cycle.signed_url:
        does += ", `.save(directory)` the package as a file"
    raises = {
        "WaitFailed": f"it failed, in the server's words; status {' or '.join(cycle.failure)}.",
        "WaitTimeout": "it was still in flight when the time was up; wait again with the same id.",
        "UnknownState": "for ten minutes its status was one that the spec does not know, or none.",
    }
    partial = _partial(cycle)
    summary = f"Wait until {thing(cycle)} is {'ready' if cycle.signed_url else 'settled'}."
    paragraphs = [summary, f"Nothing is sent before you use what this returns.{partial}"]
    return _doc(paragraphs, {"Args": texts, "Raises": raises}, f"A poller: {does}.")


def of_wait_many(cycle: LifeCycle, arguments: Sequence[Argument]) -> str:
    """The docstring of a method that waits for many."""
    paragraphs = [
        f"Wait until many {things(cycle)} are settled, each for itself.",
        f"Nothing is sent before you use what this returns. One that fails does not stop the others.{_partial(cycle)}",
    ]
    if cycle.sweep is not None:
        does = "More than twenty look together: the listing is read, where that takes fewer requests than reading each"
        brief = "; what is shown on the way may then hold less than the end" if cycle.sweep.is_brief else ""
        paragraphs.append(f"{does}{brief}.")
    returns = (
        "`async for` gives a `WaitResult` for each as it ends, `await` the list of them in the order of the ids. "
        "`.result()` of one is its final snapshot, or raises what `wait` raises."
    )
    raises = {"InvalidInput": "an id is empty or stands there twice, or a time is not a positive number."}
    return _doc(paragraphs, {"Args": _wait_options(cycle, arguments), "Raises": raises}, returns)


def _wait_options(cycle: LifeCycle, arguments: Sequence[Argument]) -> dict[str, str]:
    return {each.name: each.description for each in arguments} | {
        "timeout": f"Seconds to wait at most; {_default_time(cycle.timeout)}.",
        "poll_interval": f"Seconds before the second look, from which on they grow; {cycle.first_interval} when left out.",
        "max_poll_interval": f"Most seconds between two looks; {cycle.most_interval} when left out.",
        "on_update": "Called, and awaited where that is possible, with each snapshot that differs from the last.",
    }


def _partial(cycle: LifeCycle) -> str:
    words = " or ".join(cycle.partial)
    return f" {words} counts as an end, too: look at its status." if words else ""


def _default_time(timeout: float | None) -> str:
    if timeout is None:
        return "without end when left out"
    return f"{_duration(timeout)} when left out, None waits without end"


def _duration(seconds: float) -> str:
    """Seconds in the largest unit of which they are a whole number."""
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            number = seconds // unit
            return f"{number:g} {name}{'' if number == 1 else 's'}"
    return f"{seconds:g} seconds"


def thing(cycle: LifeCycle) -> str:
    """What lives there, with its article."""
    words = cycle.name.replace("_", " ").replace("aoi", "AOI")
    return f"{'an' if words[0] in 'aeioAEIO' else 'a'} {words}"


def things(cycle: LifeCycle) -> str:
    """What lives there, in the plural."""
    word = thing(cycle).partition(" ")[2]
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _doc(paragraphs: Iterable[str], sections: Mapping[str, Mapping[str, str]], returns: str) -> str:
    """A docstring's text, wrapped, in the order paragraphs, Args, Returns, Raises."""
    blocks = [textwrap.fill(each, _WIDTH, break_long_words=False) for each in paragraphs if each]
    for title in ("Args", "Returns", "Raises"):
        if title == "Returns":
            entries = [returns] if returns else []
        else:
            entries = [f"{name}: {text}" for name, text in sections[title].items()]
        if entries:
            blocks.append("\n".join([f"{title}:", *map(_entry, entries)]))
    return "\n\n".join(blocks)


def _entry(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent="    ", subsequent_indent="        ", break_long_words=False
    )


def literal(text: str, indent: int) -> str:
    """The text as a docstring literal at this indentation."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    end = "\n" if "\n" in text else ""
    body = textwrap.indent(f'"""{escaped}{end}"""', " " * indent)
    return body.strip()
