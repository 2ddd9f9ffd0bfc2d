"""Search: what a sweep looks for, and where: the part of it that a service can be told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = str | int | float | bool

LOG = "log:"
# Of a service's arithmetic: what it calls an end of a range may be off by so much.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Range:
    """All from low to high, both included.

    log    as likely between 1 and 10 as between 10 and 100
    whole  no fractions
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __str__(self) -> str:
        return f"{LOG if self.log else ''}{self.low}..{self.high}"

    def ends(self) -> tuple[Value, ...]:
        return self.low, self.high

    def meant(self, word: str) -> Value:
        """The value that a word stands for: one of its own. Raises ValueError."""
        value = float(word)
        end = min(self.low, self.high, key=lambda end: abs(value - end))
        if math.isclose(value, end, rel_tol=_ROUNDING):
            value = float(end)
        if not self.low <= value <= self.high or (self.whole and not value.is_integer()):
            raise ValueError(f"{word} is not of {self}")
        return int(value) if self.whole else float(value)


@dataclass(frozen=True)
class Choices:
    """One of these."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ",".join(map(str, self.values))

    def ends(self) -> tuple[Value, ...]:
        return self.values

    def meant(self, word: str) -> Value:
        """The value that a word stands for: one of its own. Raises ValueError."""
        for value in self.values:
            if written(value) == word:
                return value
        for value in self.values:
            # A number may have been written otherwise: 0.1, 1e-1.
            if isinstance(value, int | float) and not isinstance(value, bool) and _is(word, value):
                return value
        raise ValueError(f"{word} is none of {self}")


Domain = Range | Choices


@dataclass(frozen=True)
class Policy:
    """A bandit's: at every multiple of `interval` that is no less than `delay`, a trial is stopped whose best so far
    lags behind the best of all by more than the share `slack` of it. A trial's intervals are the times that it has
    told its metric: its epochs."""

    slack: float
    interval: int = 1
    delay: int = 0


@dataclass(frozen=True)
class Search:
    """What a service is told to look for.

    space     what each key may be
    sampler   how values are chosen; a grid has choices and ranges of whole numbers alone
    policy    who stops trials that lag behind; None: nobody
    metric    as the trials tell it
    maximize  whether the largest of it is the best, and not the smallest
    trials    as many are begun in all, at most
    parallel  as many trials run at once, at most
    seed      of the spec, from which the values are drawn where the service can be told one
    """

    space: Mapping[str, Domain]
    sampler: Literal["random", "grid"]
    policy: Policy | None
    metric: str
    maximize: bool
    trials: int
    parallel: int
    seed: int


def placeholder(key: str) -> str:
    """What stands in a job's words for the value that a trial has of a key."""
    return f"{{{{{key}}}}}"


def written(value: Value) -> str:
    """As it is put in the placeholder's place, and read again by whoever reads a spec's values."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is(word: str, value: float) -> bool:
    try:
        return math.isclose(float(word), value, rel_tol=_ROUNDING)
    except ValueError:
        return False
