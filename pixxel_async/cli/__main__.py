"""Entry point of the `pixxel` command: `pixxel ...` or `python -m pixxel_async.cli ...`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from pixxel_async.cli._terminal import complain, finish, prepare
from pixxel_async.errors import ConfigurationError, InvalidInput, PixxelError

if TYPE_CHECKING:
    import click

SERVICE_FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def main() -> int:
    """Run the command that the arguments name; return its exit code.

    0 all rows done or without an image, 1 the service failed, 2 wrong usage or input, 3 some rows not done, 130 stopped by
    Ctrl-C.
    """
    prepare()
    code = _run()
    return code if finish() else code or SERVICE_FAILED


def _run() -> int:
    try:
        import click

        from pixxel_async.bulk import JournalError
        from pixxel_async.cli._app import pixxel
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in {"click", "rich"}:
            raise
        return _failed(f'the command needs {missing}: pip install "pixxel-async[cli]"', WRONG_USAGE)
    try:
        return pixxel.main(prog_name="pixxel", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        complain(error.format_message())
        return error.exit_code
    except click.ClickException as error:
        return _failed(_in_a_line(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except PixxelError as error:
        is_usage = isinstance(error, ConfigurationError | InvalidInput | JournalError)
        return _failed(_with_options(str(error)), WRONG_USAGE if is_usage else SERVICE_FAILED)
    except OSError as error:  # mostly from printing: other parts raise errors of the SDK
        where = f"{error.filename}: " if error.filename else ""
        return _failed(f"{where}{error.strerror or error}", SERVICE_FAILED)


def _in_a_line(error: click.ClickException) -> str:
    """The error in one line, and the command that prints the help."""
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return text if context is None else f"{text} See: {context.command_path} --help"


def _with_options(text: str) -> str:
    """A message about an argument as one about the option: `--square-m 5` instead of `square_m=5`."""
    return re.sub(
        r"^(encoding|files|layer|max_tokens|square_m)=", lambda name: f"--{name[1].replace('_', '-')} ", text
    )


def _failed(text: str, code: int) -> int:
    complain(f"pixxel: {text}")
    return code


if __name__ == "__main__":
    sys.exit(main())
