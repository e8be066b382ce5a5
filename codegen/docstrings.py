"""The docstrings of generated methods."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from codegen import naming
from codegen.api import Call, LifeCycle, Operation, Spec
from codegen.arguments import LIST_OPTIONS, Argument, list_options

_WIDTH: Final = 100
_LAZY: Final = "No request is sent before you use the result."


def of_call(spec: Spec, operation: Operation, call: Call, arguments: Sequence[Argument], item: str) -> str:
    """The docstring of a method that makes a call; `item` is the type of the items of a listing."""
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
        returns = (
            f"A paginator. Iterate with `async for` over the items ({item}), or `await` it to get a list."
        )
    else:
        returns = call.answer.description if call.answer.kind != "nothing" else ""
    sections = {"Args": texts, "Raises": _raises(operation, call, arguments)}
    source = f"Vendor call: `{operation.id}`, `{operation.method} {operation.path}`."
    return _doc([*paragraphs, source], sections, returns)


def _raises(operation: Operation, call: Call, arguments: Sequence[Argument]) -> dict[str, str]:
    raises = {}
    if operation.body is not None or any("checks." in each.value for each in arguments):
        raises["InvalidInput"] = "an argument is invalid; no request was sent."
    if "404" in operation.statuses and any(each.where == "path" for each in arguments):
        raises["NotFound"] = "no resource has this id."
    if "409" in operation.statuses and call.request_class == "create":
        raises["Conflict"] = "a resource with this name or content already exists."
    if call.request_class == "create":
        raises["OutcomeUnknown"] = (
            "the response was lost, but the resource may exist. `await error.reconcile()` finds out."
            if operation.trace
            else "the response was lost, but the call may have succeeded. Check before you call again."
        )
    return raises


def of_wait(cycle: LifeCycle, arguments: Sequence[Argument]) -> str:
    """The docstring of a method that waits."""
    texts = _wait_options(cycle, arguments)
    returns = (
        "A poller. Iterate with `async for` to receive each change, or `await` it to get the final snapshot."
    )
    if cycle.signed_url:
        returns += " `.save(directory)` saves the package as a file."
    raises = {
        "WaitFailed": f"it failed (status {' or '.join(cycle.failure)}). The message has the server's text, if any.",
        "WaitTimeout": "it was still in flight after the time limit. Call this method again with the same id.",
        "UnknownState": "its status was unknown or absent for ten minutes.",
    }
    partial = _partial(cycle)
    summary = f"Wait until {singular(cycle)} is {'ready' if cycle.signed_url else 'finished'}."
    paragraphs = [summary, f"{_LAZY}{partial}"]
    return _doc(paragraphs, {"Args": texts, "Raises": raises}, returns)


def of_wait_many(cycle: LifeCycle, arguments: Sequence[Argument]) -> str:
    """The docstring of a method that waits for several resources."""
    paragraphs = [
        f"Wait until several {plural(cycle)} are finished, each independently.",
        f"{_LAZY} A failure does not stop the other waits.{_partial(cycle)}",
    ]
    if cycle.sweep is not None:
        text = "More than twenty waits share list requests, if that takes fewer requests than polling each."
        if cycle.sweep.is_brief:
            text += " Snapshots before the last one may then lack fields."
        paragraphs.append(text)
    returns = (
        "Iterate with `async for` to receive a `WaitResult` for each id as it finishes. "
        "`await` it to get their list in the order of the ids. "
        "`.result()` of a `WaitResult` returns the final snapshot, or raises the errors of `wait`."
    )
    raises = {"InvalidInput": "an id is empty or a duplicate, or a time is not a positive number."}
    return _doc(paragraphs, {"Args": _wait_options(cycle, arguments), "Raises": raises}, returns)


def _wait_options(cycle: LifeCycle, arguments: Sequence[Argument]) -> dict[str, str]:
    return {each.name: each.description for each in arguments} | {
        "timeout": f"Time limit in seconds. {_default_timeout(cycle.timeout)}",
        "poll_interval": f"Seconds before the second poll; later intervals grow. Default: {cycle.first_interval}.",
        "max_poll_interval": f"Largest interval between two polls in seconds. Default: {cycle.most_interval}.",
        "on_update": "Called with each snapshot that differs from the last one. An awaitable result is awaited.",
    }


def _partial(cycle: LifeCycle) -> str:
    statuses = " or ".join(cycle.partial)
    return f" The status {statuses} also ends the wait: check it." if statuses else ""


def _default_timeout(timeout: float | None) -> str:
    if timeout is None:
        return "Default: no limit."
    return f"Default: {_duration(timeout)}; None means no limit."


def _duration(seconds: float) -> str:
    """Seconds in the largest unit that gives a whole number."""
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            number = seconds // unit
            return f"{number:g} {name}{'' if number == 1 else 's'}"
    return f"{seconds:g} seconds"


def singular(cycle: LifeCycle) -> str:
    """The name of the resource, with its article."""
    name = cycle.name.replace("_", " ").replace("aoi", "AOI")
    return f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"


def plural(cycle: LifeCycle) -> str:
    """The name of the resource in the plural."""
    name = singular(cycle).partition(" ")[2]
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def _doc(paragraphs: Iterable[str], sections: Mapping[str, Mapping[str, str]], returns: str) -> str:
    """The text of a docstring, wrapped: paragraphs, Args, Returns, Raises."""
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
    """The text as a docstring literal with this indentation."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    end = "\n" if "\n" in text else ""
    body = textwrap.indent(f'"""{escaped}{end}"""', " " * indent)
    return body.strip()
