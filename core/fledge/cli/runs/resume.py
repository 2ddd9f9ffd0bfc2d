"""`fledge runs resume`."""

from typing import Annotated

import typer

from fledge.cli.processes import METAVAR, Processes
from fledge.cli.runs.words import Run
from fledge.cli.words import AsJson


def resume(
    run: Run,
    launcher: Annotated[str | None, typer.Option(help="Start its processes with another launcher.")] = None,
    processes: Annotated[
        Processes | None,
        typer.Option(parser=Processes.parse, metavar=METAVAR, help="Go on in another number of processes."),
    ] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="Go on on another number of machines.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it runs; print its id.")] = False,
    as_json: AsJson = False,
) -> int:
    """Go on with a run that was canceled, preempted or lost, or that failed: from its last checkpoint."""
    import sys

    from fledge.cli.context import context
    from fledge.cli.follow import follow, seen
    from fledge.cli.printing import print_json
    from fledge.relaunch import relaunch
    from fledge.resumption import changed_plugins
    from fledge.resumption import resume as resume_run
    from fledge.runs.observe import observe

    here = context()
    found, backend = here.run(run)
    observe(found, backend)
    for change in changed_plugins(found, here.catalog):
        print(f"warning: {change}: the run may end with other weights than if it had never stopped", file=sys.stderr)
    named = {"name": launcher, "nodes": nodes}
    changes = {key: value for key, value in named.items() if value is not None} | (processes or {})
    relaunched = relaunch(found.plan(), changes, here.catalog) if changes else None
    before = seen(found, backend)
    record = resume_run(found, backend, "person", relaunched=relaunched)
    if detach:
        print_json({"run": found.id, "state": str(record.state)}) if as_json else print(found.id)
        return 0
    return follow(found, here, as_json=as_json, seen=before)
