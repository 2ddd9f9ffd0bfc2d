"""`fledge runs list`."""

from typing import TYPE_CHECKING, Annotated

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from fledge.cli.context import Context
    from fledge.runs.record import RunRecord
    from fledge.runs.run_directory import RunDirectory


def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20, as_json: AsJson = False
) -> None:
    """Runs, newest first."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json, print_table
    from fledge.runs.places import runs
    from fledge.runs.run_directory import RunDirectory, list_ids

    here = context()
    rows = []
    for name in reversed(list_ids(here.home, limit)):
        record = _seen(RunDirectory(runs(here.home) / name), here)
        if record is None:
            continue
        best = record.best_val_accuracy
        told = {
            "run": record.run,
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


def _seen(run: "RunDirectory", here: "Context") -> "RunRecord | None":
    """The run's record as of now. One that cannot be looked at must not hide the others."""
    import sys
    from dataclasses import replace

    from fledge.errors import FledgeError
    from fledge.resumption import look, may_be_retried
    from fledge.runs.history import History
    from fledge.submission import backend_for

    try:
        record = run.record()
    except FledgeError as error:
        print(f"warning: {error}", file=sys.stderr)
        return None
    try:
        if not record.state.is_final or may_be_retried(record):
            record = look(run, backend_for(run, here.catalog, here.home))
        if not record.state.is_final:
            # Of a run that has ended, the record knows it.
            record = replace(record, best_val_accuracy=History.read(run.path).metrics.get("best_val_accuracy"))
    except (FledgeError, OSError) as error:
        print(f"warning: run {record.run}: {error}", file=sys.stderr)
    return record
