"""Points: metrics of the journal as MLflow's, each at its step."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fledge_mlflow.names import allowed

if TYPE_CHECKING:
    from mlflow.entities import Metric

# What a SQL store keeps of an infinite value.
_LARGEST = 1.7976931348623157e308


class Points:
    """A metric that comes without step and epoch is counted from 1, and goes on where the store's own points end.

    kept gives the points of a metric that are in the store. Told again after a crash, a point gets the step that it
    has there; SQL stores keep one of two points that are the same.
    """

    def __init__(self, kept: Callable[[str], Sequence["Metric"]]) -> None:
        self._kept = kept
        self._steps: dict[str, int] = {}
        self._there: dict[str, Counter[tuple[int, str]]] = {}

    def of(self, event: Mapping[str, Any]) -> Iterator["Metric"]:
        from mlflow.entities import Metric

        when = milliseconds(event)
        step = event.get("step", event.get("epoch"))
        for name, told in event["values"].items():
            # The journal has what is no number as words, which float() reads.
            key, value = allowed(name), float(told)
            if step is not None:
                yield Metric(key, value, when, int(step))
            elif (counted := self._count(key, value, when)) is not None:
                yield Metric(key, value, when, counted)

    def _count(self, key: str, value: float, when: int) -> int | None:
        """The next step, or None for a point that is there."""
        if key not in self._steps:
            kept = self._kept(key)
            self._steps[key] = max((point.step for point in kept), default=0)
            self._there[key] = Counter((point.timestamp, _spelt(point.value)) for point in kept)
        there = self._there[key]
        if there[when, _spelt(value)]:
            there[when, _spelt(value)] -= 1
            return None
        self._steps[key] += 1
        return self._steps[key]


def seen(points: Sequence["Metric"]) -> list[float]:
    """The values, in the order in which they were recorded."""
    told = sorted(points, key=lambda point: (point.timestamp, point.step))
    return [math.copysign(math.inf, point.value) if abs(point.value) >= _LARGEST else point.value for point in told]


def milliseconds(event: Mapping[str, Any]) -> int:
    """When it happened, since 1970."""
    told = event.get("time")
    return round((datetime.fromisoformat(told).timestamp() if told else time.time()) * 1000)


def _spelt(value: float) -> str:
    """Equal to itself, though it is no number."""
    return repr(math.copysign(_LARGEST, value) if math.isinf(value) else value)
