"""The command line: each file parses, calls and prints one command. Nothing here is imported by anything else."""

import sys


def main() -> None:
    """Runs the `fledge` command and exits with its status."""
    from fledge.cli.app import app
    from fledge.cli.guard import guarded

    sys.exit(guarded(app))
