"""Profile: where a process's time goes, as spans within spans. Off unless begun, and then next to free."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Path = tuple[str, ...]

# A trace of more is of no use to the viewers there are.
_MOST_SPANS = 1_000_000

ROOT = "run"

_active: "Profile | None" = None


class Profile:
    """Seconds and number of spans by their path, each thread's apart; with `trace` also every single one.

    began       by time.perf_counter(); what this thread did until now is the span "start-up"
    synchronize called before a span ends, so that what it had a device do belongs to it
    """

    def __init__(self, began: float, *, trace: bool, synchronize: Callable[[], object]) -> None:
        self._began = began
        self._synchronize = synchronize
        self._trace: list[tuple[str, int, float, float]] | None = [] if trace else None
        self._own = threading.local()
        self._totals: dict[int, dict[Path, list[float]]] = {}
        self._main = threading.get_ident()
        self._own.path = (ROOT,)
        self.add((ROOT, "start-up"), began, time.perf_counter() - began)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        path = (*getattr(self._own, "path", ()), name)
        self._own.path = path
        began = time.perf_counter()
        try:
            yield
        finally:
            self._synchronize()
            self.add(path, began, time.perf_counter() - began)
            self._own.path = path[:-1]

    def add(self, path: Path, began: float, seconds: float) -> None:
        """A span of this thread: what it is within, and at last its own name; `began` by time.perf_counter()."""
        thread = threading.get_ident()
        total = self._totals.setdefault(thread, {}).setdefault(path, [0.0, 0])
        total[0] += seconds
        total[1] += 1
        if self._trace is not None and len(self._trace) < _MOST_SPANS:
            self._trace.append((path[-1], thread, began, seconds))

    def rows(self) -> list[dict[str, Any]]:
        """path, seconds and count of each so far, the longest first: of this thread below "run".

        A path that ends in "rest" is what no span within the one before it accounts for.
        """
        totals: dict[Path, list[float]] = {(ROOT,): [time.perf_counter() - self._began, 1]}
        for thread, found in list(self._totals.items()):
            for path, (seconds, count) in list(found.items()):
                place = path if thread == self._main else ("other threads", *path)
                total = totals.setdefault(place, [0.0, 0])
                total[0] += seconds
                total[1] += count
        return _ordered(totals, ())

    def chrome(self) -> dict[str, Any]:
        """The trace as chrome://tracing and Perfetto read it: microseconds since the process began."""
        told = sorted(self._trace or (), key=lambda one: one[2])
        return {
            "displayTimeUnit": "ms",
            "traceEvents": [
                {"name": name, "ph": "X", "pid": 0, "tid": thread, "ts": (at - self._began) * 1e6, "dur": seconds * 1e6}
                for name, thread, at, seconds in told
            ],
        }


def begin(profile: Profile | None) -> None:
    """From now on, spans are its; with None they cost next to nothing."""
    global _active
    _active = profile


@contextmanager
def span(name: str) -> Iterator[None]:
    """What happens within is one span."""
    if _active is None:
        yield
    else:
        with _active.span(name):
            yield


def timed(name: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Every call is a span."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            if _active is None:
                return function(*args, **kwargs)
            with _active.span(name):
                return function(*args, **kwargs)

        return call

    return decorate


def watched(name: str, function: Callable[P, T]) -> Callable[P, T]:
    """The function itself, unless a profile has begun: for what is called too often to ask each time."""
    return function if _active is None else timed(name)(function)


def each(name: str, items: Iterator[T]) -> Iterator[T]:
    """The items, the making of each a span; the iterator itself, unless a profile has begun."""
    return items if _active is None else _each(_active, name, items)


def _each(profile: Profile, name: str, items: Iterator[T]) -> Iterator[T]:
    while True:
        with profile.span(name):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item


def _ordered(totals: dict[Path, list[float]], below: Path) -> list[dict[str, Any]]:
    depth = len(below)
    children = sorted({path[: depth + 1] for path in totals if len(path) > depth and path[:depth] == below})
    inner = {child: totals.get(child) or _sum(totals, child) for child in children}
    rows = []
    for child in sorted(inner, key=lambda child: -inner[child][0]):
        seconds, count = inner[child]
        rows.append({"path": list(child), "seconds": seconds, "count": int(count)})
        rows += _ordered(totals, child)
    whole = totals.get(below)
    if children and whole:
        rest = max(0.0, whole[0] - sum(seconds for seconds, _ in inner.values()))
        rows.append({"path": [*below, "rest"], "seconds": rest, "count": int(whole[1])})
    return rows


def _sum(totals: dict[Path, list[float]], below: Path) -> list[float]:
    found = [totals[path] for path in totals if path[:-1] == below]
    return [sum(seconds for seconds, _ in found), 1]
