"""`fledge runs list`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from fledge.cli.context import Context
    from fledge.comparing.listed import Listed
    from fledge.runs.record import RunRecord
    from fledge.runs.run_directory import RunDirectory

_COLUMNS = ("run", "experiment", "state", "backend", "created", "best_val_accuracy")


def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Only those: state=FAILED, training.lr<0.01, val_accuracy>=0.9, experiment~bird. May be repeated.",
        ),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="[-]KEY", help="By what, from small to large; from large to small with -.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="KEY,KEY...", help="What to tell of each: keys of the run, its spec, metrics.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Runs, newest first."""
    from itertools import islice

    from fledge.cli.context import context
    from fledge.cli.printing import print_json, print_table
    from fledge.comparing.listing import chosen
    from fledge.runs.places import runs
    from fledge.runs.run_directory import RunDirectory, list_ids

    here = context()
    # Of a column, too, all are asked whether they have it.
    ids = list_ids(here.home, None if where or sort or columns else limit)
    seen = _seen((RunDirectory(runs(here.home) / name) for name in reversed(ids)), here)
    shown = tuple(dict.fromkeys(key.strip() for key in columns.split(","))) if columns else _COLUMNS
    listed = islice(chosen(seen, where or (), sort, shown if columns else ()), limit)
    rows = []
    for one in listed:
        told = {key: one[key] for key in shown}
        if as_json:
            print_json(told if "run" in told else {"run": one["run"], **told})
        rows.append([_cell(value) for value in told.values()])
    if not as_json:
        print_table(["best" if key == "best_val_accuracy" else key for key in shown], rows)


def _seen(found: "Iterator[RunDirectory]", here: "Context") -> "Iterator[Listed]":
    from fledge.comparing.listed import Listed

    for run in found:
        record = _looked_at(run, here)
        if record is not None:
            yield Listed(run, record)


def _looked_at(run: "RunDirectory", here: "Context") -> "RunRecord | None":
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


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else value
