"""Writes docs/commands.md: what `--help` says of every command.

python docs/commands.py [FILE]
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before anything asks how wide a line may be: the page is the same wherever it is made.
os.environ |= {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}

from fledge.cli.app import app
from typer.main import get_command

_HEAD = """# Commands

What `fledge COMMAND --help` says, of every command. Made by `python docs/commands.py`.
"""


def page() -> str:
    return "\n".join([_HEAD, *_commands(get_command(app), None, "fledge")]).rstrip() + "\n"


def _commands(command: Any, parent: Any, name: str) -> Iterator[str]:
    """Of the command and of those below it; click's classes are typer's own copies, which have no public name."""
    context = command.make_context(name.rpartition(" ")[2], [], parent=parent, resilient_parsing=True)
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    yield from (f"## {name}", "", "```", *lines, "```", "")
    for below, one in getattr(command, "commands", {}).items():
        yield from _commands(one, context, f"{name} {below}")


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".md")
    path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
