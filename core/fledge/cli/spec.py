"""`fledge spec`: init, schema."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("fledge.toml"),
    dataset: Annotated[str, typer.Option(help="Data set.")] = "imagefolder",
    model: Annotated[str, typer.Option(help="Model.")] = "resnet18",
) -> None:
    """Write a spec with every key explained. Never overwrites."""
    from fledge.cli.context import context
    from fledge.commented import commented_spec
    from fledge.errors import UsageError

    text = commented_spec(context().catalog, dataset, model)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already", hint="name another file: fledge spec init FILE") from None
    print(path)


@app.command()
def schema() -> None:
    """Print the JSON schema of the spec, with the options of every installed plugin."""
    import json

    from fledge.cli.context import context
    from fledge.schema import spec_schema

    print(json.dumps(spec_schema(context().catalog), indent=2))
