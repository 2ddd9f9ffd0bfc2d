"""`fledge runs files` and `fledge runs download`."""

from pathlib import Path
from typing import Annotated

import typer

from fledge.cli.runs.words import Run
from fledge.cli.words import AsJson


def files(run: Run, as_json: AsJson = False) -> None:
    """The files a run produced, with their sizes in bytes."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.runs.history import History

    found, _ = context().run(run)
    for path, size in found.files(History.read(found.path).artifacts).items():
        print_json({"path": path, "size": size}) if as_json else print(f"{size:>12,}  {path}")


def download(
    run: Run,
    pattern: Annotated[str, typer.Argument(help="Which files: a glob pattern.")] = "outputs/**/*",
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to copy them into.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Copy a run's files out."""
    from fledge.cli.context import context
    from fledge.cli.meter import Meter
    from fledge.cli.printing import print_json
    from fledge.errors import RunError

    found, backend = context().run(run)
    reference = found.record().ref
    with Meter() as meter:
        fetched = backend.fetch(reference, pattern, output, meter.progress) if reference else []
    if not fetched:
        raise RunError(f"run {found.id} has no file that matches {pattern!r}", hint=f"fledge runs files {found.id}")
    for path in fetched:
        print_json({"path": str(path)}) if as_json else print(path)
