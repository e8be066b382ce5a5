"""Entry point of the `pixxel` command: `pixxel ...` or `python -m pixxel_async.cli ...`."""

from __future__ import annotations

import sys

from pixxel_async.cli._terminal import be_silent
from pixxel_async.errors import ConfigurationError, InvalidInput, PixxelError

SERVICE_FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def main() -> int:
    """Run the command that the arguments name; its exit code.

    0 all done, 1 the service failed, 2 wrong usage or input, 3 some fields failed, 130 stopped by Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding cannot show is shown with '?', not with a traceback.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        import click

        from pixxel_async.cli._app import pixxel
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in {"click", "rich"}:
            raise
        return _complain(f'the command needs {missing}: pip install "pixxel-async[cli]"', WRONG_USAGE)
    try:
        code = pixxel.main(prog_name="pixxel", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except PixxelError as error:
        is_usage = isinstance(error, ConfigurationError | InvalidInput)
        code = _complain(str(error), WRONG_USAGE if is_usage else SERVICE_FAILED)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        be_silent()  # or the interpreter complains at exit
    return code or 0


def _complain(text: str, code: int) -> int:
    print(f"pixxel: {text}", file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
