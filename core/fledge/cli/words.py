"""The option that most commands take."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Standard output is JSON, an object a line.")]
