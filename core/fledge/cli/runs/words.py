"""The words that every command on runs takes."""

from typing import Annotated

import typer

Run = Annotated[str, typer.Argument(help="A run's id, the beginning of one, or 'latest'.")]
AsJson = Annotated[bool, typer.Option("--json", help="Standard output is JSON, an object a line.")]
