"""Work done ahead of whoever waits for it, on every core."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


def ahead(work: Callable[[Item], Done], items: Iterable[Item], window: int) -> Iterator[Done]:
    """`work` of each item, in order, by threads that are at most `window` items ahead. Raises what `work` raised."""
    rest = iter(items)
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        waiting: deque[Future[Done]] = deque(pool.submit(work, item) for item in islice(rest, window))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(pool.submit(work, item) for item in islice(rest, 1))
            yield done
    finally:
        # Whoever stops, for an interrupt say, does not wait for what nobody will ask for.
        pool.shutdown(cancel_futures=True)
