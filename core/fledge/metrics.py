"""`fledge.log`: the one line that a script of a person's own needs to have its metrics kept."""

import os
from pathlib import Path
from typing import Any

from fledge.runs.journal import Journal

_journal: Journal | None = None


def log(step: int | None = None, **values: Any) -> None:
    """Record metrics of the run this process is part of; outside a run it does nothing.

    Values are numbers, or anything `float()` takes (a tensor of one element, say). `step` counts
    whatever the script counts. May be called from several processes of a run.

    Raises TypeError for a value that is not a number.
    """
    global _journal
    numbers = {}
    for name, value in values.items():
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"fledge.log({name}=...): {value!r} is not a number") from None
    folder = os.environ.get("FLEDGE_RUN_DIR")
    if not folder:
        return
    if _journal is None:
        _journal = Journal(Path(folder))
    _journal.write("metrics", values=numbers, **({} if step is None else {"step": step}))
