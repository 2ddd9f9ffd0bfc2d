"""`fledge runs delete`."""

from typing import Annotated

import typer

from fledge.cli.words import AsJson


def delete(
    runs: Annotated[list[str], typer.Argument(help="Runs: ids, beginnings of ids, or 'latest'.")],
    as_json: AsJson = False,
) -> None:
    """Remove runs that have ended, with their logs, checkpoints and outputs. Registered models stay."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.errors import RunError
    from fledge.runs.observe import observe

    here = context()
    for found, backend in [here.run(run) for run in dict.fromkeys(runs)]:
        state = observe(found, backend).state
        if not state.is_final:
            raise RunError(f"run {found.id} is {state}", hint=f"first: fledge runs cancel {found.id}")
        found.delete()
        print_json({"run": found.id, "deleted": True}) if as_json else print(f"{found.id} deleted")
