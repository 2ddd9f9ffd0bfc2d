"""The command line: each file parses, calls and prints one command. Nothing here is imported by anything else."""

import io
import sys


def main() -> None:
    """Runs the `fledge` command and exits with its status."""
    try:
        from fledge.importing import importing

        with importing():
            from typer.main import get_command

            from fledge.cli.app import app
            from fledge.cli.guard import guarded
            from fledge.worker.leave import leave

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A file's name may be no text at all, and a terminal may know few letters: neither ends a command.
                stream.reconfigure(errors="backslashreplace")
        status = guarded(get_command(app))
    except KeyboardInterrupt:
        # While still starting up.
        status = 130
        sys.exit(status)
    leave(status)
