"""Column: one thing that a list tells of each run, sorts by, or chooses by."""

from dataclasses import fields
from functools import cached_property
from typing import Any

from fledge.errors import FledgeError
from fledge.flat import flat
from fledge.runs.history import History
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory

RECORD = tuple(field.name for field in fields(RunRecord) if field.name not in ("ref", "pending", "transient"))


class Listed:
    """A run in a list. Its plan and its journal are read where something of theirs is asked for, and not before."""

    def __init__(self, run: RunDirectory, record: RunRecord) -> None:
        self.run, self.record = run, record

    def __getitem__(self, key: str) -> Any:
        """By a key of the record (`state`), of the spec (`training.lr`) or a metric's name; None where it has none."""
        if key in RECORD:
            value = getattr(self.record, key)
            return str(value) if key == "state" else value
        return self._spec[key] if key in self._spec else self._metrics.get(key)

    def known(self) -> set[str]:
        """Every key that it has something to tell under, or could."""
        return {*RECORD, *self._spec, *self._metrics}

    @cached_property
    def _spec(self) -> dict[str, Any]:
        try:
            return flat(self.run.plan()["spec"])
        except FledgeError:
            return {}

    @cached_property
    def _metrics(self) -> dict[str, Any]:
        return History.read(self.run.path).metrics
