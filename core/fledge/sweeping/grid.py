"""The grid: every combination of values, in the order of the parameters."""

import itertools
import math
from collections.abc import Mapping, Sequence

from fledge.errors import SpecError
from fledge.interfaces.search import Choices, Domain, Value


def grid_size(space: Mapping[str, Domain]) -> int:
    """How many points it has. Raises SpecError for a range of which it would have to choose some."""
    return math.prod(len(_points(key, domain)) for key, domain in space.items())


def grid_point(space: Mapping[str, Domain], number: int) -> dict[str, Value]:
    """The one at a place from 0; of the last parameter neighbours differ first."""
    points = itertools.product(*(_points(key, domain) for key, domain in space.items()))
    return dict(zip(space, next(itertools.islice(points, number, None)), strict=True))


def _points(key: str, domain: Domain) -> Sequence[Value]:
    if isinstance(domain, Choices):
        return domain.values
    if not domain.whole or domain.log:
        raise SpecError(
            f"--param {key}: a grid needs the values of {key} named, and {domain} has too many",
            hint=f"for example: --param {key}={domain.low},{domain.high}; or --sampler random",
        )
    return range(int(domain.low), int(domain.high) + 1)
