"""`fledge runs`: list, show, logs, files, download, cancel."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)

Run = Annotated[str, typer.Argument(help="A run's id, the beginning of one, or 'latest'.")]
AsJson = Annotated[bool, typer.Option("--json", help="Standard output is JSON, an object a line.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20, as_json: AsJson = False
) -> None:
    """Runs, newest first."""
    import sys

    from fledge.cli.context import context
    from fledge.cli.printing import print_json, print_table
    from fledge.errors import FledgeError
    from fledge.runs.observe import observe
    from fledge.runs.run_directory import RunDirectory, list_ids
    from fledge.runs.summary import metrics
    from fledge.submission import backend_for

    here = context()
    rows = []
    for name in reversed(list_ids(here.home)[-limit:]):
        run = RunDirectory.find(here.home, name)
        try:
            record = observe(run, backend_for(run, here.catalog, here.home))
        except FledgeError as error:
            # One run whose backend is not installed any more must not hide the others.
            print(f"warning: {error}", file=sys.stderr)
            try:
                record = run.record()
            except FledgeError:
                continue
        best = metrics(run.path).get("best_val_accuracy")
        told = {
            "run": run.id,
            "experiment": record.experiment,
            "state": str(record.state),
            "backend": record.backend,
            "created": record.created,
            "best_val_accuracy": best,
        }
        if as_json:
            print_json(told)
        rows.append([*list(told.values())[:-1], f"{best:.4f}" if isinstance(best, float) else best or ""])
    if not as_json:
        print_table(["run", "experiment", "state", "backend", "created", "best"], rows)


@app.command()
def show(run: Run, as_json: AsJson = False) -> None:
    """All about one run."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.plan.make import to_toml
    from fledge.runs.observe import observe
    from fledge.runs.summary import description

    found, backend = context().run(run)
    observe(found, backend)
    told = description(found)
    if as_json:
        print_json(told)
        return
    for key, value in told.items():
        if key == "spec":
            continue
        if key == "metrics":
            for name, number in value.items():
                print(f"  {name} = {number}")
        elif value is not None:
            print(f"{key}: {value}")
    print("spec:\n" + to_toml(told["spec"]).strip())


@app.command()
def logs(run: Run, follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until it ends.")] = False) -> None:
    """What the run printed."""
    import sys

    from fledge.cli.context import context

    found, backend = context().run(run)
    reference = found.record().ref
    for chunk in backend.logs(reference, follow=follow) if reference else ():
        sys.stdout.buffer.write(chunk.data)
        sys.stdout.flush()


@app.command()
def files(run: Run, as_json: AsJson = False) -> None:
    """The files a run produced, with their sizes in bytes."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json

    found, _ = context().run(run)
    for path in found.files():
        size = (found.path / path).stat().st_size
        print_json({"path": str(path), "size": size}) if as_json else print(f"{size:>12,}  {path}")


@app.command()
def download(
    run: Run,
    pattern: Annotated[str, typer.Argument(help="Which files: a glob pattern.")] = "outputs/**/*",
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to copy them into.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Copy a run's files out."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.errors import RunError

    found, backend = context().run(run)
    reference = found.record().ref
    fetched = backend.fetch(reference, pattern, output) if reference else []
    if not fetched:
        raise RunError(f"run {found.id} has no file that matches {pattern!r}", hint=f"fledge runs files {found.id}")
    for path in fetched:
        print_json({"path": str(path)}) if as_json else print(path)


@app.command()
def cancel(run: Run, as_json: AsJson = False) -> None:
    """Stop a run and everything it started."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.runs.observe import observe

    found, backend = context().run(run)
    reference = found.record().ref
    if reference:
        backend.cancel(reference)
    state = str(observe(found, backend).state)
    print_json({"run": found.id, "state": state}) if as_json else print(f"{found.id} {state}")
