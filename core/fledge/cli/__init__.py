"""The command line: each file parses, calls and prints one command. Nothing here is imported by anything else."""

import io
import os
import sys
from pathlib import Path


def main() -> None:
    """Runs the `fledge` command and exits with its status."""
    try:
        from fledge.importing import importing

        with importing():
            from typer.main import get_command

            from fledge.cli.app import app
            from fledge.cli.guard import guarded
            from fledge.worker.leave import leave

        # What was closed by whoever started this (>&-) is written to nobody.
        sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 -- for as long as the process lives
        sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 -- for as long as the process lives
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A file's name may be no text at all, and a terminal may know few letters: neither ends a command.
                stream.reconfigure(errors="backslashreplace")
        status = guarded(get_command(app))
    except KeyboardInterrupt:
        # While still starting up.
        sys.exit(130)
    leave(status)
