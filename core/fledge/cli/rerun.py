"""`fledge rerun`: a run once more."""

import sys
from typing import Annotated

import typer

from fledge.cli.runs.words import Run
from fledge.cli.words import AsJson


def rerun(
    run: Run,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it runs; print its id.")] = False,
    as_json: AsJson = False,
) -> int:
    """The same again, as a new run: from the spec and the source files that the run has kept."""
    from fledge.cli.context import context
    from fledge.cli.follow import follow
    from fledge.cli.meter import Meter
    from fledge.cli.printing import print_json
    from fledge.rerun import plan_again
    from fledge.resumption import changed_plugins
    from fledge.submission import submit

    here = context()
    found, _ = here.run(run)
    for change in changed_plugins(found, here.catalog):
        print(f"warning: {change}: it may end otherwise", file=sys.stderr)
    plan = plan_again(found, here.catalog, here.home)
    with Meter() as meter:
        started = submit(plan, here.catalog, here.home, progress=meter.progress)
    print(f"run {started.id}, which is {found.id} once more", file=sys.stderr)
    if detach:
        print_json({"run": started.id, "state": "QUEUED"}) if as_json else print(started.id)
        return 0
    return follow(started, here, as_json=as_json)
