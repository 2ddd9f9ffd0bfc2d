"""Runs side by side: of what they are made of, what differs; and all that came of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fledge.comparing.facts import Facts

_SECTIONS = ("spec", "code", "data", "environment", "result")


@dataclass(frozen=True)
class Row:
    """values are in the order of the runs, None where one has no such key."""

    section: str
    key: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        return any(value != self.values[0] for value in self.values)


def compare(runs: Sequence[Facts], *, everything: bool = False) -> list[Row]:
    """What differs between them, and every result; `everything`: what is equal too."""
    rows = []
    for section in _SECTIONS:
        told = [getattr(run, section) for run in runs]
        keys = dict.fromkeys(key for one in told for key in one)
        made = [Row(section, key, tuple(one.get(key) for one in told)) for key in keys]
        rows += [row for row in made if everything or section == "result" or row.differs]
    return rows
