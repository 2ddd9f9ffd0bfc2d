"""The same piece of work in many processes, all at once."""

import os
from collections.abc import Callable

from fledge.testing.forked import Forked


def at_once(work: Callable[[int], object], count: int) -> list[str | None]:
    """What work(0), work(1) and so on come to, each in a copy of this process; none begins before all are there."""
    gate, keeper = os.pipe()

    def begin(number: int) -> object:
        os.close(keeper)
        # Nobody writes: it ends when the last keeper of the gate has let go.
        os.read(gate, 1)
        return work(number)

    begun = [Forked(begin, number) for number in range(count)]
    os.close(keeper)
    told = [one.result() for one in begun]
    os.close(gate)
    return told
