"""`fledge runs sync`."""

from typing import Annotated

import typer

from fledge.cli.runs.words import Run
from fledge.cli.words import AsJson


def sync(
    run: Run,
    tracker: Annotated[
        list[str] | None, typer.Option(help="Which tracker; may be repeated. All of the run's spec, if left out.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set an option of a tracker: trackers.NAME.KEY=VALUE."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Send trackers what they have not of a run: they were down, or it went without them."""
    import sys
    from dataclasses import asdict

    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.errors import FledgeError, UsageError
    from fledge.spec.load import load, parse_assignment
    from fledge.tracking.sync import sync as sync_run

    here = context()
    found, backend = here.run(run)
    overrides = [parse_assignment(text) for text in set_ or ()]
    for key, _ in overrides:
        if not key.startswith("trackers."):
            raise UsageError(f"--set {key}: the run is done with it", hint="set trackers.NAME.KEY, a tracker's option")
    wanted = load(found.path / "spec.toml", [*((f"trackers.{name}", {}) for name in tracker or ()), *overrides])
    chosen = tracker or list(wanted.trackers)
    if not chosen:
        raise UsageError(f"run {found.id} was told to no tracker", hint="name one: --tracker NAME")
    status = 0
    for name in chosen:
        try:
            sent = sync_run(found, backend, name, wanted.trackers[name], here.catalog)
        except FledgeError as error:
            if len(chosen) == 1:
                raise
            print(f"error: {error}", file=sys.stderr)
            status = error.exit_status
            continue
        if as_json:
            print_json(asdict(sent))
        else:
            ending = f", which is {sent.state}" if sent.state else ""
            print(f"{name}: {sent.events} events of run {found.id}{ending}" if sent.events or sent.state
                  else f"{name} has all of run {found.id}")  # fmt: skip
    return status
