"""The `rayfarm` command: its entry point, its exit codes, and how errors are told.

Exit codes: 0 done · 1 the job failed or was canceled · 2 the call is wrong (option, file, key, refused by the farm) ·
3 the farm does not answer, or takes nothing for now (maintenance) · 130 Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rayfarm.cli.commands import command
from rayfarm.cli.exit_codes import INTERRUPTED, UNREACHABLE, USAGE
from rayfarm.cli.output import Output
from rayfarm.errors import ClientError, FarmUnreachable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    output = Output(as_json="--json" in words)
    try:
        command(words, prog_name="rayfarm")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone (`rayfarm jobs | head`): nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ClientError as error:
        output.error(error)
        return exit_code(error)
    return 0


def exit_code(error: ClientError) -> int:
    """The code that an error ends the command with."""
    return UNREACHABLE if isinstance(error, FarmUnreachable) else USAGE


def app() -> None:
    """Entry point of the installed program."""
    raise SystemExit(main())
