"""`fledge report`: runs as a page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fledge.cli.words import AsJson

if TYPE_CHECKING:
    from fledge.cli.context import Context
    from fledge.reporting.facts import Facts
    from fledge.reporting.trials import Sweep


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help="Ids, or the beginnings of some, or 'latest'; several are compared."),
    ] = None,
    sweep: Annotated[str | None, typer.Option(metavar="NAME", help="A sweep's trials, and its best run.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page's file; report-RUN.html where none is named.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show runs on one page that needs no network: curves, confusion matrix, photos, time, lineage, exports."""
    import sys

    from fledge.atomic import write_atomic
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.errors import RunError, UsageError, install

    try:
        from fledge.reporting.collect import collect
        from fledge.reporting.page import page
        from fledge.reporting.reading import Reading
    except ModuleNotFoundError as error:
        raise UsageError(f"a report needs {error.name}", hint=install("report")) from None

    here = context()
    swept = _sweep(sweep, here) if sweep else None
    names = [*(runs or ()), *(_best(swept, here) if swept else ())]
    if not names and not swept:
        raise UsageError(
            "Missing argument 'RUN...'", hint="fledge report latest; or a sweep: fledge report --sweep NAME"
        )
    found = {run.id: (run, backend) for run, backend in map(here.run, names or ())}
    of = swept.name if swept else next(iter(found))
    path = output or Path(f"report-{of}.html" if swept or len(found) == 1 else "report.html")
    if path.is_dir() or not path.absolute().parent.is_dir():
        what = "is a folder" if path.is_dir() else f"cannot be written: there is no folder {path.parent}"
        raise UsageError(f"{path} {what}", hint="name a file in a folder that is there: --output report.html")
    facts = []
    for run, backend in found.values():
        one = collect(run, backend, Reading(run.path))
        one.models = _models(one, here)
        for remark in one.remarks:
            print(f"warning: run {run.id}: {remark}", file=sys.stderr)
        facts.append(one)
    made = page(facts, swept)
    try:
        if path.exists() and not path.is_file():
            # A pipe, say, which is to stay one.
            path.write_bytes(made)
        else:
            write_atomic(path.resolve(), made)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written: {error.strerror}", hint="name another place: --output FILE"
        ) from None
    print_json({"path": str(path), "runs": list(found)}) if as_json else print(path)


def _sweep(name: str, here: "Context") -> "Sweep":
    from fledge.errors import UsageError, install
    from fledge.reporting.trials import Sweep
    from fledge.sweeping.definition import Definition

    definition = Definition.read(here.home, name)
    try:
        from fledge.sweeping.rows import trial_rows
    except ModuleNotFoundError as error:
        raise UsageError(f"a report of a sweep needs {error.name}", hint=install("sweep")) from None
    return Sweep(name, definition.metric, definition.maximize, trial_rows(here.home, name))


def _best(sweep: "Sweep", here: "Context") -> list[str]:
    """The run of its best trial, unless that was deleted."""
    import sys

    from fledge.runs.places import runs

    best = [trial["run"] for trial in sweep.trials if trial["best"]]
    there = [run for run in best if (runs(here.home) / run).is_dir()]
    for run in set(best) - set(there):
        print(f"warning: run {run}, the best of sweep {sweep.name}, was deleted: it is left out", file=sys.stderr)
    return there


def _models(run: "Facts", here: "Context") -> list[str]:
    """The versions that its best model is registered as, in the registry that its spec names."""
    from fledge.errors import FledgeError
    from fledge.registration import registry_of

    told = run.spec.get("registry") or {}
    options = {key: value for key, value in told.items() if key != "name"}
    try:
        registry = registry_of(told.get("name", "local"), here.catalog, here.home, options)
        versions = [version for name in registry.names() for version in registry.versions(name)]
    except (FledgeError, OSError) as error:
        run.remarks.append(f"its registry could not be asked: {error}")
        return []
    return [f"{version.name}/{version.version}" for version in versions if version.run == run.run]
