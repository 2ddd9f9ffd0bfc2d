"""What a run has said of its metric so far."""

import math
from pathlib import Path
from typing import Any

from fledge.runs.journal import events


def curve(run: Path, metric: str) -> list[float]:
    """The metric at each interval: each epoch of a training, each step or call that a script logged it at.

    What was done again after a resume counts once. What is no finite number is left out.
    """
    found: dict[Any, float] = {}
    for number, event in enumerate(events(run)):
        if event["event"] != "metrics" or metric not in event["values"]:
            continue
        value = event["values"][metric]
        if isinstance(value, int | float) and math.isfinite(value):
            at = event.get("epoch", event.get("step"))
            found[(0, at) if at is not None else (1, number)] = float(value)
    return [found[at] for at in sorted(found)]
