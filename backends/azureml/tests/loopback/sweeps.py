"""Sweeps: plays what the service does with a sweep, whichever SDK has sent it.

It draws values, starts trials, reads what they tell MLflow of the primary metric, and stops those that lag behind, by
the rule that Microsoft documents of its bandit policy. What it draws are numbers as the service does: 32.0, not 32.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from loopback.jobs import FINAL, Job, Jobs, Work

_PAUSE = 0.1


@dataclass(frozen=True)
class Bandit:
    """slack_factor, or slack_amount where that is told."""

    slack_factor: float = 0.0
    slack_amount: float = 0.0
    interval: int = 1
    delay: int = 0

    def lags(self, own: float, best: float, *, maximize: bool) -> bool:
        if self.slack_amount:
            return own < best - self.slack_amount if maximize else own > best + self.slack_amount
        return own + abs(own) * self.slack_factor < best if maximize else own > best + abs(best) * self.slack_factor


@dataclass(frozen=True)
class Wanted:
    """A sweep as it came over the wire.

    space  by parameter: [distribution's name, [its arguments]], as both SDKs send it
    """

    name: str
    space: dict[str, list[Any]]
    sampling: Literal["random", "grid"]
    seed: int | None
    metric: str
    maximize: bool
    trials: int
    parallel: int
    policy: Bandit | None = None

    def points(self) -> Iterator[dict[str, Any]]:
        """The values of each trial, in turn."""
        if self.sampling == "grid":
            choices = [arguments[0] for kind, arguments in self.space.values() if _is_choice(kind)]
            found = (dict(zip(self.space, values, strict=True)) for values in itertools.product(*choices))
            yield from itertools.islice(found, self.trials)
            return
        # Whoever tells no seed has other values each time there, and the same here for the same name.
        luck = random.Random(self.name if self.seed is None else self.seed)
        for _ in range(self.trials):
            yield {name: _drawn(luck, *told) for name, told in self.space.items()}


class Sweeps:
    """`state.sweeps`; a sweep's Job is in `state.jobs`, as those of its trials are.

    values(run, metric) are those that a run has told MLflow so far.
    """

    def __init__(self, jobs: Jobs, values: Callable[[str, str], list[float]]) -> None:
        self._jobs, self._values = jobs, values

    def start(
        self, wanted: Wanted, work: Work, told: dict[str, Any], command: Callable[[dict[str, Any]], str]
    ) -> Job | None:
        """None where there is a job of that name. `work` is the sweep's own: each trial's is the same but for its name,
        `<sweep>_<number>`, and its command, which `command` makes of its values."""
        return self._jobs.start(work, told, lambda job: self._carry_through(job, wanted, command))

    def children(self, name: str) -> list[str]:
        return [job.work.name for job in self._trials(name)]

    def _trials(self, name: str) -> list[Job]:
        return [job for job in self._jobs.all() if job.parent == name]

    def _carry_through(self, sweep: Job, wanted: Wanted, command: Callable[[dict[str, Any]], str]) -> None:
        points = enumerate(wanted.points())
        sweep.started, left = _now(), True
        while not self._jobs.closed.wait(_PAUSE):
            trials = self._trials(wanted.name)
            running = [trial for trial in trials if trial.status not in FINAL]
            asked = sweep.status == "CancelRequested"
            laggards = running if asked else self._laggards(wanted, trials)
            for trial in laggards:
                if trial.status != "CancelRequested":
                    self._jobs.cancel(trial)
            if not running and (asked or not left):
                sweep.ended = _now()
                sweep.status = "Canceled" if asked else "Completed"
                return
            while not asked and left and len(running) < wanted.parallel:
                number, values = next(points, (0, None))
                left = values is not None
                if values is not None:
                    name = f"{wanted.name}_{number}"
                    work = replace(sweep.work, name=name, command=command(values))
                    begun = self._jobs.start(work, {"tags": {}, "properties": {}}, parent=wanted.name)
                    assert begun is not None, f"there is a job {name}"
                    running.append(begun)

    def _laggards(self, wanted: Wanted, trials: list[Job]) -> list[Job]:
        """Those that the policy stops now: each is held, at the last interval that it has reached, to what the others
        have done within as many. Who reaches it first is held to those who come after."""
        if wanted.policy is None:
            return []
        pick = max if wanted.maximize else min
        told = [(trial, self._values(trial.work.name, wanted.metric)) for trial in trials]
        found = []
        for trial, curve in told:
            at = len(curve) - len(curve) % wanted.policy.interval
            if trial.status in FINAL or not at or at < wanted.policy.delay:
                continue
            best = pick(pick(one[:at]) for _, one in told if one)
            if wanted.policy.lags(pick(curve[:at]), best, maximize=wanted.maximize):
                found.append(trial)
        return found


def _drawn(luck: random.Random, kind: str, arguments: list[Any]) -> Any:
    if _is_choice(kind):
        return luck.choice(arguments[0])
    low, high, *step = arguments
    match kind:
        case "uniform":
            return luck.uniform(low, high)
        case "loguniform":
            return math.exp(luck.uniform(low, high))
        case "quniform":
            return float(round(luck.uniform(low, high) / step[0]) * step[0])
        case "qloguniform":
            return float(round(math.exp(luck.uniform(low, high)) / step[0]) * step[0])
    raise ValueError(f"the loopback draws from no {kind}")


def _is_choice(kind: str) -> bool:
    return kind == "choice"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
