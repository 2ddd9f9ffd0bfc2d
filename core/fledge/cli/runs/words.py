"""The word that every command on a run takes."""

from typing import Annotated

import typer

Run = Annotated[str, typer.Argument(help="A run's id, the beginning of one, or 'latest'.")]
