"""`fledge runs cancel`."""

from fledge.cli.runs.words import Run
from fledge.cli.words import AsJson


def cancel(run: Run, as_json: AsJson = False) -> None:
    """Stop a run and everything it started."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.resumption import give_up
    from fledge.runs.observe import observe

    found, backend = context().run(run)
    record = observe(found, backend)
    if record.ref and not record.state.is_final:
        backend.cancel(record.ref)
        record = observe(found, backend)
    record = give_up(found) if record.state.is_final else record
    state = str(record.state)
    print_json({"run": found.id, "state": state}) if as_json else print(f"{found.id} {state}")
