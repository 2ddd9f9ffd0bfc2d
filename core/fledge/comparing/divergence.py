"""Where two runs' metrics part, and where they end."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from fledge.runs.journal import events


class Divergence(NamedTuple):
    """epoch and step as the journal has them, None where it has not; each value None where a run has no such metric."""

    epoch: int | None
    step: int | None
    metric: str
    values: tuple[Any, Any]


# Where in a run: its epoch, its step, and which of those events it is that have neither.
Place = tuple[int | None, int | None, int]
# In the order of the journal.
Points = Mapping[Place, Mapping[str, Any]]

# Of the clock: no two runs agree on them.
_CLOCK = ("seconds", "images_per_second", "peak_memory_mb")


def first_divergence(one: Points, other: Points) -> Divergence | None:
    """The first metric, in the order of the first run, that the two do not agree on.

    Where one ended earlier than the other, what it has not is no disagreement.
    """
    for at, values in one.items():
        if at in other:
            for name in {**values, **other[at]}:
                pair = values.get(name), other[at].get(name)
                if pair[0] != pair[1] and not name.endswith(_CLOCK):
                    return Divergence(at[0], at[1], name, pair)
    return None


def read_points(folder: Path) -> Points:
    """A run's metrics; of two for one place the later holds."""
    points: dict[Place, Mapping[str, Any]] = {}
    numbers = count()
    for event in events(folder):
        if event["event"] == "metrics":
            epoch, step = event.get("epoch"), event.get("step")
            points[epoch, step, next(numbers) if epoch is step is None else 0] = event["values"]
    return points


def last_place(points: Points) -> Place | None:
    return next(reversed(list(points)), None)
