"""How many faults the tests notice in what spends money: `nox -s mutants -- [MODULE…] [--count N] [--seed S]`.

Draws random mutants of each module, runs the tests that execute the changed lines, and lists the mutants that pass them all.
Never changes the working tree: each of two workers has a copy of it. Linux only.

cosmic-ray and mutmut 3 do not fit: neither draws a random sample, cosmic-ray drops no statements or arguments and runs all tests
for each mutant, and mutmut rewrites a whole package into trampolines, which the typed reading of annotations does not survive.
"""

from __future__ import annotations

import argparse
import ast
import copy
import difflib
import gc
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout, suppress
from inspect import CO_OPTIMIZED
from multiprocessing import get_context
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
BULK = "pixxel_async/bulk"
MODULES = {  # by folder of modules: their names, and the tests that may notice
    f"{BULK}/_execution": ("durable_creates scheduler budget run", "tests/bulk"),
    "pixxel_async/_resource": ("creates matching whole_listing", "tests/resource"),
    f"{BULK}/_journal": (
        "journal writer writes page view file witness claims decisions records schema text",
        "tests/bulk",
    ),
    f"{BULK}/_recipe": ("account_names versions stage_calls", "tests/bulk"),
    BULK: ("_stores", "tests/bulk"),
    "pixxel_async/_download": ("partial_file storage downloader", "tests/download"),
}
EQUIVALENT = Path(__file__).with_name("mutants.toml")
GOAL = 0.9
SLOW = ("--ignore-glob=*dask*", "--ignore-glob=*kills*")
"""Tests whose other processes do not have the mutant."""
PYTEST = ("-x", "--assert=plain", "-p", "no:cacheprovider")
MOST_CPU = 20.0
"""Seconds of tests for one mutant; the quickest come first."""
SWAPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
DROPPED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Raise, ast.Delete, ast.Continue, ast.Break)


class Mutant(NamedTuple):
    """One change of a module."""

    module: str
    name: str
    """Stable: the function, the kind, and the texts before and after."""
    where: str
    lines: range
    source: str


# --- what is changed --------------------------------------------------------------------------------------


def mutants(module: str) -> Iterator[Mutant]:
    """All mutants of a module."""
    text = (ROOT / module).read_text()
    seen: Counter[str] = Counter()
    for node, where, statement in _nodes(ast.parse(text), "", None):
        for kind, new in _changes(node):
            words = f"{where or 'module'}: {kind}: {_short(node)} -> {_short(new)}"
            seen[words] += 1
            name = words if seen[words] == 1 else f"{words} #{seen[words]}"
            first = min(statement.lineno, node.lineno)
            last = node.end_lineno if statement is not node else node.lineno
            yield Mutant(module, name, where, range(first, last + 1), _replaced(text, node, new))


def _nodes(node: ast.AST, where: str, statement: Any) -> Iterator[tuple[Any, str, Any]]:
    """Statements and expressions that run, with the function and the statement that they are in."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "format_spec", "pattern", "decorator_list") or isinstance(
            node, ast.JoinedStr
        ):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Assert | ast.Import | ast.ImportFrom):
                continue
            if getattr(child, "arg", None) == "strict":  # of zip: a check of what is so by construction
                continue
            inner = child if isinstance(child, ast.stmt) else statement
            name = getattr(child, "name", "") if isinstance(child, ast.stmt) else ""
            if hasattr(child, "lineno") and not _is_text(child):
                yield child, where, inner
            yield from _nodes(child, f"{where}.{name}".strip(".") if name else where, inner)


def _is_text(node: ast.AST) -> bool:
    """Whether it is a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _changes(node: Any) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(ops=[op]):
            yield "comparison", _with(node, ops=[SWAPS[type(op)]()])
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            yield "boundary", ast.Constant(node.value + 1)
        case ast.Constant(value=bool()):
            yield "condition", ast.Constant(not node.value)
        case ast.BoolOp(values=values):
            yield "condition", _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
            for at in range(len(values)):
                rest = values[:at] + values[at + 1 :]
                yield "condition", rest[0] if len(rest) == 1 else _with(node, values=rest)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "condition", operand
        case ast.Call(keywords=keywords):
            for each in keywords:
                if each.arg not in (None, "strict"):
                    yield "argument", _with(node, keywords=[one for one in keywords if one is not each])
            if node.args:
                yield "argument", _with(node, args=node.args[:-1])
        case ast.IfExp(test=test) | ast.If(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare | ast.BoolOp):
                negated = ast.UnaryOp(ast.Not(), test)
                yield "condition", _with(node, test=negated)
    if isinstance(node, DROPPED) and node.col_offset and not _binds_name(node):
        yield "statement", ast.Pass()


def _binds_name(node: ast.AST) -> bool:
    """Whether nearly all that follows would fail without it."""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


def _with(node: ast.AST, **changes: Any) -> ast.AST:
    new = copy.copy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def _short(node: ast.AST) -> str:
    if isinstance(node, ast.If | ast.While):
        node = node.test
    return " ".join(ast.unparse(node).split())


def _replaced(text: str, node: Any, new: ast.AST) -> str:
    if isinstance(node, ast.If | ast.While):
        node, new = node.test, new.test  # type: ignore[attr-defined]
    lines = text.encode().splitlines(keepends=True)
    before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    after = lines[node.end_lineno - 1][node.end_col_offset :] + b"".join(lines[node.end_lineno :])
    words = ast.unparse(new)
    return (before + (words if isinstance(new, ast.stmt) else f"({words})").encode() + after).decode()


# --- which tests run --------------------------------------------------------------------------------------


class _Contexts:
    """A plugin of pytest: names the test for each line that is executed, and times it."""

    def __init__(self, coverage: Any) -> None:
        self._coverage = coverage
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._coverage.switch_context(nodeid)
        self.seconds[nodeid] = time.process_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.seconds[nodeid] = time.process_time() - self.seconds[nodeid]

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.add(report.nodeid)


def _trace(tests: str, result: Path) -> int:
    """Run tests; write which test executes which line of which module, quickest test first."""
    import coverage

    cover = coverage.Coverage(data_file=None, source=["pixxel_async"])
    plugin = _Contexts(cover)
    cover.start()
    _pytest(["--maxfail=0", tests, *SLOW], plugin)
    cover.stop()
    data = cover.get_data()
    found: dict[str, dict[int, list[str]]] = {}
    for file in data.measured_files():
        lines = {
            line: sorted({*names} - plugin.failed - {""}, key=plugin.seconds.__getitem__)
            for line, names in data.contexts_by_lineno(file).items()
        }
        found[str(Path(file).relative_to(Path.cwd()))] = lines
    result.write_text(json.dumps({"lines": found, "seconds": plugin.seconds, "failed": [*plugin.failed]}))
    return 0


def _pytest(arguments: list[str], *plugins: object) -> int:
    import pytest

    return pytest.main([*PYTEST, *arguments], plugins=plugins)


class Tests(NamedTuple):
    """What the tests of a folder execute."""

    lines: dict[str, dict[str, list[str]]]
    seconds: dict[str, float]
    failed: list[str]

    def of(self, mutant: Mutant) -> list[str]:
        """Tests that execute what the mutant changes; of what runs on import, all that execute the module."""
        lines = self.lines.get(mutant.module, {})
        chosen = {test for line in mutant.lines for test in lines.get(str(line), ())}
        chosen = chosen or {test for tests in lines.values() for test in tests}
        total, some = 0.0, []
        for test in sorted(chosen, key=self.seconds.__getitem__):
            if (total := total + self.seconds[test]) > MOST_CPU:
                break
            some.append(test)
        return some


# --- running ----------------------------------------------------------------------------------------------

_copy = Path()
"""The copy of the checkout that belongs to this worker."""
_IDLE = 15.0
"""Seconds without any use of the processor after which a process hangs."""


def begin_worker(folder: str, tests: list[str]) -> None:
    """Make a copy of the checkout for this process alone, and import what the tests import: its children need not."""
    global _copy
    _copy = Path(tempfile.mkdtemp(dir=folder))
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        (_copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, _copy / name)
    os.chdir(_copy)
    os.environ |= {"PYTHONPATH": str(_copy), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.path.insert(0, str(_copy))
    with redirect_stdout(io.StringIO()):
        _pytest(["--collect-only", *tests])


def in_child(seconds: float, act: Callable[..., int], *arguments: Any) -> int | None:
    """Exit code of a function in a process of its own; None if it was stopped, for it hangs or uses the processor so long."""
    child = get_context("fork").Process(target=_run, args=(seconds, act, arguments))
    child.start()
    used, since = "", time.monotonic()
    while (
        child.is_alive() and time.monotonic() - since < _IDLE
    ):  # the machine may be busy, so that only its own use counts
        child.join(0.2)
        with suppress(OSError):
            now = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            if now != used:
                used, since = now, time.monotonic()
    with suppress(ProcessLookupError):  # what its tests have started ends too
        os.killpg(child.pid, signal.SIGKILL)  # type: ignore[arg-type]
    child.join()
    return None if child.exitcode is None or child.exitcode < 0 else child.exitcode


def _run(seconds: float, act: Callable[..., int], arguments: tuple[Any, ...]) -> None:
    os.setsid()
    limit = int(time.process_time() + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os._exit(act(*arguments))


def _try(mutant: Mutant, tests: list[str]) -> int:
    """Run tests with the changed code in the functions that are imported; in a new process where it is in none of them."""
    file = str(_copy / mutant.module)
    old, new = (
        _functions(compile(text, file, "exec"))
        for text in ((ROOT / mutant.module).read_text(), mutant.source)
    )
    name = max((name for name in old if f"{mutant.where}.".startswith(f"{name}.")), key=len, default="")
    live = [
        each
        for each in gc.get_objects()
        if isinstance(each, FunctionType)
        and (each.__code__.co_filename, each.__code__.co_qualname) == (file, name)
    ]
    try:
        if not live or _plain(old[name]) == _plain(new[name]):
            raise ValueError("it is run on import")
        for each in live:
            each.__code__ = new[name]
    except ValueError:  # also where it uses other variables of the functions around it
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *PYTEST, *tests])
    return _pytest(tests)


def _functions(code: CodeType) -> dict[str, CodeType]:
    """Functions of a module and its classes, by qualified name."""
    found = {}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found |= {each.co_qualname: each} if each.co_flags & CO_OPTIMIZED else _functions(each)
    return found


def _plain(code: CodeType) -> tuple[Any, ...]:
    """What it does, wherever it is in its file."""
    consts = [_plain(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return code.co_code, code.co_names, *consts


def trace(tests: str) -> Tests:
    """What the tests of a folder execute."""
    result = _copy / "traced.json"
    result.unlink(missing_ok=True)
    in_child(3600.0, _trace, tests, result)
    return Tests(**json.loads(result.read_text()))


def survives(work: tuple[Mutant, Tests]) -> bool:
    """Whether all tests of a mutant pass."""
    mutant, tests = work
    chosen = tests.of(mutant)
    file = _copy / mutant.module
    file.write_text(mutant.source)
    try:
        limit = 30.0 + 3 * sum(tests.seconds[test] for test in chosen)
        return not chosen or in_child(limit, _try, mutant, chosen) == 0
    finally:
        shutil.copy2(ROOT / mutant.module, file)


def report(module: str, drawn: list[Mutant], survivors: list[Mutant]) -> bool:
    """Print what survived; whether enough were killed."""
    killed = len(drawn) - len(survivors)
    share = killed / max(len(drawn), 1)
    print(f"\n{module}: {killed} of {len(drawn)} killed, {share:.0%}", flush=True)
    original = (ROOT / module).read_text().splitlines()
    for mutant in survivors:
        print(f"\n  {module}:{mutant.lines[0]}  {mutant.name}")
        for line in list(difflib.unified_diff(original, mutant.source.splitlines(), lineterm="", n=0))[3:]:
            print(f"    {line}", flush=True)
    return share >= GOAL


def main() -> bool:
    """Whether enough mutants of each module were killed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", help="names like `scheduler`; all that spend money if left out")
    parser.add_argument("--count", type=int, default=60, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    modules = {
        f"{folder}/{name}.py": tests
        for folder, (names, tests) in MODULES.items()
        for name in names.split()
        if not options.modules or name in options.modules
    }
    if len(modules) < len({*options.modules}):
        parser.error(f"of {', '.join(options.modules)} only {', '.join(modules) or 'none'} can be drawn from")
    equivalent = {
        (each["module"], each["mutant"]) for each in tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    }
    is_good = True
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(
            2, get_context("fork"), begin_worker, (folder, sorted({*modules.values()}))
        ) as workers,
    ):
        folders = sorted({*modules.values()})
        traces = dict(zip(folders, workers.map(trace, folders), strict=True))
        for tests, found in traces.items():
            print(
                f"{tests}: {len(found.seconds)} tests, {sum(found.seconds.values()):.0f} s; failed: {found.failed}"
            )
        for module, tests in modules.items():
            every = [each for each in mutants(module) if (module, each.name) not in equivalent]
            drawn = random.Random(f"{options.seed} {module}").sample(every, min(options.count, len(every)))
            survived = workers.map(survives, [(mutant, traces[tests]) for mutant in drawn])
            is_good &= report(
                module, drawn, [each for each, alive in zip(drawn, survived, strict=True) if alive]
            )
    return is_good


if __name__ == "__main__":
    sys.exit(not main())
