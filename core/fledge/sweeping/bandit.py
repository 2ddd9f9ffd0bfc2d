"""Bandit: stops a trial that lags too far behind the best."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fledge.interfaces.search import Policy


@dataclass(frozen=True)
class Bandit(Policy):
    """The early termination policy of that name of Azure Machine Learning.

    Each time that a trial reports the metric counts as an interval: here, an epoch. The policy is applied at every
    multiple of `interval` that is no less than `delay`. With slack 0.2, and 0.8 the best that any trial had reached
    within so many intervals, one whose own best Y is so low that Y + 0.2 Y < 0.8 is stopped; of a metric that is
    minimized, one whose own best is above 0.8 + 0.2 * 0.8. (Source: Microsoft's reference of
    azureml.train.hyperdrive.BanditPolicy, and of azure.ai.ml.sweep.BanditPolicy, whose slack_factor,
    evaluation_interval and delay_evaluation these are.) Below zero, of which it does not speak, the slack is the same
    share of the value's size.
    """

    def objection(self, mine: Sequence[float], others: Iterable[Sequence[float]], *, maximize: bool) -> str | None:
        """Why the trial that has just reported the last of `mine` should stop, or None. Curves begin at interval 1."""
        at = len(mine)
        if not at or at % self.interval or at < self.delay:
            return None
        pick = max if maximize else min
        own = pick(mine)
        best = pick((pick(curve[:at]) for curve in others if curve), default=own)
        lags = own + self.slack * abs(own) < best if maximize else own > best + self.slack * abs(best)
        return f"after {at} its best was {own:.4g}, and another's {best:.4g}" if lags else None
