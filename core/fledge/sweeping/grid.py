"""The grid: every combination of values, in the order of the parameters."""

import math
from collections.abc import Mapping

from fledge.errors import SpecError
from fledge.interfaces.search import Choices, Domain, Value


def grid_size(space: Mapping[str, Domain]) -> int:
    """How many points it has. Raises SpecError for a range of which it would have to choose some."""
    return math.prod(_count(key, domain) for key, domain in space.items())


def grid_point(space: Mapping[str, Domain], number: int) -> dict[str, Value]:
    """The one at a place from 0; of the last parameter neighbours differ first."""
    values: dict[str, Value] = {}
    for key, domain in reversed(list(space.items())):
        number, at = divmod(number, _count(key, domain))
        values[key] = domain.values[at] if isinstance(domain, Choices) else int(domain.low) + at
    return {key: values[key] for key in space}


def _count(key: str, domain: Domain) -> int:
    if isinstance(domain, Choices):
        return len(domain.values)
    if not domain.whole or domain.log:
        raise SpecError(
            f"--param {key}: a grid needs the values of {key} named, and {domain} has too many",
            hint=f"for example: --param {key}={domain.low},{domain.high}; or --sampler random",
        )
    return int(domain.high) - int(domain.low) + 1
