"""What values the next trial gets."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from fledge.interfaces.search import Choices, Domain, Value
from fledge.sweeping.grid import grid_point, grid_size

_LOOKED_AT = 1000


def distributions(space: Mapping[str, Domain]) -> dict[str, BaseDistribution]:
    """The space in Optuna's words."""
    return {key: _distribution(domain) for key, domain in space.items()}


def propose(
    space: Mapping[str, Domain], sampler: str, seed: int, number: int, past: Sequence[FrozenTrial], *, maximize: bool
) -> dict[str, Value]:
    """Values for trial `number`, a function of these alone: whoever is killed and asks again gets the same.

    past: the trials before it, those that still run included.
    """
    if sampler == "grid":
        return grid_point(space, number)
    derived = int.from_bytes(hashlib.sha256(f"sweep {seed} {number}".encode()).digest()[:4])
    chosen: BaseSampler = RandomSampler(derived) if sampler == "random" else TPESampler(seed=derived)
    # In memory: asked of the study on disk, a trial would be there before its values are.
    study = optuna.create_study(direction="maximize" if maximize else "minimize", sampler=chosen)
    if sampler != "random":
        study.add_trials(past)
    drawn = dict(study.ask(distributions(space)).params)
    return _untried(space, drawn, past, derived)


def _untried(
    space: Mapping[str, Domain], drawn: dict[str, Value], past: Sequence[FrozenTrial], luck: int
) -> dict[str, Value]:
    """What was drawn; where it was tried before, and all that there are can be counted, one that was not."""
    tried = {_as_key(trial.params) for trial in past}
    if _as_key(drawn) not in tried or not all(isinstance(domain, Choices) for domain in space.values()):
        return drawn
    points = (grid_point(space, number) for number in range(grid_size(space)))
    left = list(itertools.islice((point for point in points if _as_key(point) not in tried), _LOOKED_AT))
    return left[luck % len(left)] if left else drawn


def _as_key(values: Mapping[str, Any]) -> frozenset[tuple[str, type, Any]]:
    # True is 1 to Python, and not to a person.
    return frozenset((key, type(value), value) for key, value in values.items())


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Choices):
        return CategoricalDistribution(domain.values)
    if domain.whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)
