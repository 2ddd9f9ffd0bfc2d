"""Faults: what is done to a worker at an exact step, from within, so that it can be done again."""

import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fledge.hooks import hookimpl

Kind = Literal["kill", "preempt"]
_SIGNALS = {"kill": signal.SIGKILL, "preempt": signal.SIGTERM}


@dataclass(frozen=True)
class Fault:
    """At the `step`th update of the weights (from 1) that a try makes, its process is killed, or told to stop."""

    kind: Kind
    step: int

    def __str__(self) -> str:
        return f"{self.kind}@{self.step}"

    @classmethod
    def parse(cls, text: str) -> "Fault":
        kind, _, step = text.partition("@")
        return cls("kill" if kind == "kill" else "preempt", int(step))


class FaultCompanion:
    """A companion of a worker's run that has one fault happen to it."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._steps = 0

    @hookimpl
    def step_ended(self) -> None:
        self._steps += 1
        if self._steps == self._fault.step:
            os.kill(os.getpid(), _SIGNALS[self._fault.kind])


def seeded_faults(seed: int, count: int, steps: int) -> tuple[Fault, ...]:
    """A fault for each of `count` tries, early enough that a training of `steps` steps meets all of them."""
    chance = random.Random(seed)  # noqa: S311 -- to be repeated, not to be secret
    kinds: Sequence[Kind] = ("kill", "kill", "preempt")
    return tuple(Fault(chance.choice(kinds), chance.randint(1, max(1, steps // max(1, count)))) for _ in range(count))
