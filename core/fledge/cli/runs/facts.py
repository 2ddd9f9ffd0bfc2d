"""What `compare` and `explain` begin with."""

from fledge.cli.context import Context
from fledge.comparing.facts import Facts
from fledge.resumption import look


def facts(here: Context, name: str) -> Facts:
    """Of a run by its id's beginning, as of now."""
    run, backend = here.run(name)
    return Facts.of(run, look(run, backend))
