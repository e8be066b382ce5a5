"""Sessions for developers and CI: `nox -l` lists them, `nox -s NAME` runs one."""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"  # the first that installs dependency groups
nox.options.sessions = ["lint", "types", "layers", "codegen", "tests"]
nox.options.error_on_missing_interpreters = False  # `tests` runs on every installed version
nox.options.reuse_venv = "yes"

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
CONSTRAINTS = "tests/constraints.txt"
MEASURED = "3.13"
"""The Python whose tests also measure coverage: since 3.12 that costs little."""
PYPROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str, extras: str = "") -> None:
    """Install this project with extras and dependency groups, at the pinned versions."""
    requirements = nox.project.dependency_groups(PYPROJECT, *groups) if groups else ()
    session.install("--constraint", CONSTRAINTS, "--editable", f".{extras}", *requirements)


@nox.session
def demo(session: nox.Session) -> None:
    """Process twelve real fields through the whole pipeline, with a local Pixxel API."""
    install(session, extras="[cli,sandbox]")
    arguments = session.posargs or ["--out", "out", "--overwrite"]
    session.run("pixxel", "bulk", "run", "examples/fields.geojson", "--sandbox", *arguments)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the test suite on every supported and installed Python; on one with coverage."""
    install(session, "test", "codegen", extras="[cli,dask,geo,sandbox]")
    measure = session.python == MEASURED and not session.posargs
    session.run(
        *("pytest", "--numprocesses", "auto", "--dist", "worksteal"),
        *(["--cov", "--cov-report", "term:skip-covered"] if measure else []),
        *session.posargs,
        env={"COVERAGE_CORE": "sysmon"} if measure else {},
    )


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """Run the suite with the lowest supported versions; without schemathesis, which needs newer ones."""
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    users = [*project["dependencies"], *extras["cli"], *extras["dask"], *extras["geo"], *extras["sandbox"]]
    tools = nox.project.dependency_groups(PYPROJECT, "test")
    session.install(
        "--editable",
        ".",
        *(requirement.replace(">=", "==") for requirement in users),
        *(tool for tool in tools if not tool.startswith("schemathesis")),
    )
    ignore = ["--ignore=tests/codegen", "--ignore=tests/sandbox/test_sandbox_schemathesis.py"]
    session.run("pytest", "--numprocesses", "auto", "--dist", "worksteal", *ignore, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check formatting and lint rules."""
    install(session, "codegen")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Run mypy strict over the code, and mypy and pyright over code as a user writes it."""
    install(session, "types", "codegen", "test", extras="[cli,dask,geo,sandbox]")
    session.run("mypy")
    session.run("mypy", "--strict", "tests/typing/user_code.py")
    session.run("pyright", "--project", "tests/typing")


@nox.session
def layers(session: nox.Session) -> None:
    """Check the allowed imports (the table is in ARCHITECTURE.md)."""
    install(session, "layers", extras="[cli,dask,geo,sandbox]")
    session.run("lint-imports")


@nox.session
def codegen(session: nox.Session) -> None:
    """Check that the spec is valid and the committed models and endpoints match it."""
    install(session, "codegen", "test")
    session.run("openapi-spec-validator", "openapi/pixxel.yaml")
    session.run("python", "-m", "codegen", "--check")


@nox.session
def audit(session: nox.Session) -> None:
    """Find known vulnerabilities of the versions in CI; queries PyPI, so it does not run by default."""
    session.install("pip-audit")
    session.run("pip-audit", "--strict", "--no-deps", "--disable-pip", "--requirement", CONSTRAINTS)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure CPU time as ratios to bare aiohttp + orjson, in one run over loopback."""
    install(session)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Run the soak tests: an hour, or some minutes with `-- --quick`."""
    install(session, extras="[sandbox]")
    session.run("python", "-m", "benchmarks.soak", *session.posargs)


@nox.session(name="soak-one")
def soak_one(session: nox.Session) -> None:
    """Run one soak test with its own options: `nox -s soak-one -- downloads --gib 1`."""
    install(session, extras="[sandbox]")
    name, *arguments = session.posargs
    session.run("python", "-m", f"benchmarks.{name}", *arguments)


@nox.session
def mutants(session: nox.Session) -> None:
    """Count the faults that tests detect in billing code: `nox -s mutants -- scheduler budget --count 60 --seed 1`."""
    install(session, "test", "codegen", extras="[cli,dask,geo,sandbox]")
    session.install("coverage")
    session.run("nice", "-n", "10", "python", "-m", "benchmarks.mutants", *session.posargs, external=True)


@nox.session
def build(session: nox.Session) -> None:
    """Build source distribution and wheel, and try the wheel outside the checkout."""
    session.install("build", "twine")
    session.run("python", "-m", "build", "--outdir", "dist")
    session.run("twine", "check", "--strict", *(str(path) for path in Path("dist").iterdir()))
    wheel = max(Path("dist").resolve().glob("*.whl"), key=lambda path: path.stat().st_mtime)
    session.install("--constraint", CONSTRAINTS, "--force-reinstall", f"{wheel}[cli,sandbox]")
    fields = Path("examples/fields.geojson").resolve()
    with session.chdir(session.create_tmp()):
        session.run("pixxel", "bulk", "run", str(fields), "--sandbox", "--out", "out")
