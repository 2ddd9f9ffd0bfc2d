"""`fledge runs cancel`."""

from fledge.cli.runs.words import Run
from fledge.cli.words import AsJson


def cancel(run: Run, as_json: AsJson = False) -> None:
    """Stop a run and everything it started."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.resumption import cancel as cancel_run

    found, backend = context().run(run)
    state = str(cancel_run(found, backend).state)
    print_json({"run": found.id, "state": state}) if as_json else print(f"{found.id} {state}")
