"""Write the generated folders, check that they are up to date, or compare the vendor's document with ours."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Final

from codegen import drift, endpoints, models, spec
from codegen.document import SpecError, in_file
from codegen.formatting import ROOT

COMMAND: Final = "python -m codegen"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "drift":
            return drift.main(options.spec, options.deviations, options.vendor)
        files = generate(options.spec)
    except SpecError as error:
        print(error, file=sys.stderr)
        return 2
    if options.check:
        return check(files, options.into)
    write(files, options.into)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--spec", type=Path, default=ROOT / "openapi" / "pixxel.yaml", help="our document")
    parser.add_argument("--into", type=Path, default=ROOT / "pixxel_async", help="the package to write into")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a file is not up to date"
    )
    commands = parser.add_subparsers(dest="command", metavar="drift")
    compare = commands.add_parser("drift", help="compare a document of the vendor with ours")
    compare.add_argument("vendor", type=Path, help="the vendor's OpenAPI document, JSON or YAML")
    compare.add_argument("--deviations", type=Path, default=ROOT / "openapi" / "deviations.yaml")
    return parser


def generate(path: Path) -> dict[str, str]:
    """Return every generated file of the document at `path`: its path within the package, and its text."""
    document = spec.read(path)
    with in_file(path):
        folders = {"models": models.emit(document), "_endpoints": endpoints.emit(document)}
    return {f"{folder}/{name}": text for folder, files in folders.items() for name, text in files.items()}


def write(files: dict[str, str], package: Path) -> None:
    """Delete the generated folders and write them."""
    for folder in _folders(files):
        shutil.rmtree(package / folder, ignore_errors=True)
        (package / folder).mkdir(parents=True)
    for name, text in files.items():
        (package / name).write_text(text, encoding="utf-8")


def check(files: dict[str, str], package: Path) -> int:
    """Compare the generated folders with `files`; if they differ, print the command to run and return 1."""
    found = {
        path.relative_to(package).as_posix(): path.read_text(encoding="utf-8")
        for folder in _folders(files)
        for path in (package / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    complaints = [f"missing: {name}" for name in sorted(files.keys() - found.keys())]
    complaints += [f"not generated: {name}" for name in sorted(found.keys() - files.keys())]
    complaints += [f"stale: {name}" for name in sorted(files) if name in found and found[name] != files[name]]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if complaints:
        print(f"The generated code is not up to date. Run: {COMMAND}", file=sys.stderr)
    return 1 if complaints else 0


def _folders(files: dict[str, str]) -> list[str]:
    return sorted({name.partition("/")[0] for name in files})


if __name__ == "__main__":
    sys.exit(main())
