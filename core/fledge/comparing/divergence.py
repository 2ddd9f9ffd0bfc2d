"""Where two runs' metrics part."""

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


# Of the clock: no two runs agree on them.
_CLOCK = ("seconds", "images_per_second", "peak_memory_mb")


def first_divergence(one: Path, other: Path) -> Divergence | None:
    """The first metric, in the order of the first run's journal, that the runs in these folders do not agree on.

    Where one ended earlier than the other, what it has not is no disagreement.
    """
    mine, theirs = _points(one), _points(other)
    for at, values in mine.items():
        if at in theirs:
            for name in values | theirs[at]:
                pair = values.get(name), theirs[at].get(name)
                if pair[0] != pair[1] and not name.endswith(_CLOCK):
                    return Divergence(at[0], at[1], name, pair)
    return None


def _points(folder: Path) -> dict[tuple[Any, Any, int], dict[str, Any]]:
    """Metrics by (epoch, step, number of the event where it has neither); of two for one place the later holds."""
    points: dict[tuple[Any, Any, int], dict[str, Any]] = {}
    numbers = count()
    for event in events(folder):
        if event["event"] == "metrics":
            epoch, step = event.get("epoch"), event.get("step")
            points[epoch, step, next(numbers) if epoch is step is None else 0] = event["values"]
    return points
