"""What values the next trial gets."""

import hashlib
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from fledge.interfaces.search import Choices, Domain, Value
from fledge.sweeping.grid import grid_point


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
    return dict(study.ask(distributions(space)).params)


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Choices):
        return CategoricalDistribution(domain.values)
    if domain.whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)
