"""The `quarterdeck` command: exit codes and the shortest way to the console.

stdout is data, stderr is narration. Exit codes: 0 done, 1 failed, 2 usage or set-up, 3 refused by policy, 130
interrupted. A plain `quarterdeck` or `quarterdeck demo` on a terminal needs no parser, so none is imported.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from console.views import VIEWS


def main() -> None:
    """The console script. A terminal that cannot show a sign gets another for it, never an error."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Whoever closed it (`>&-`) wants none of it, and nothing else may come to stand in its place.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code; every failure is one sentence on stderr."""
    try:
        code = _open_at_once(arguments)
        if code is None:
            from console.cli_commands.root import invoke

            code = invoke(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has had enough (`| head`). Python flushes stdout once more at exit: let it go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        if os.environ.get("QUARTERDECK_DEBUG"):
            raise
        from console.cli_commands.failures import explain

        return explain(error)


def _open_at_once(arguments: Sequence[str]) -> int | None:
    """Open the console if the arguments are the plain ones and there is a terminal; None if they need the parser."""
    rest = [argument for argument in arguments if argument != "--write"]
    write = len(rest) < len(arguments)
    if len(rest) > 1 or not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("QUARTERDECK_DEMO"):
        return None
    if rest == ["demo"]:
        from console.demo import DEFAULT, open_console

        return open_console(DEFAULT, write=write)
    if not rest or rest[0] in VIEWS:
        from console.start import Options
        from console.start import open_console as open_real

        return open_real(Options(write=write), view=rest[0] if rest else "")
    return None
