"""ChaosBackend: any backend, on a bad day that can be had again."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from fledge.errors import PluginError
from fledge.interfaces.backend import ComputeBackend, Finding, LogChunk, Request, RunRef, Status
from fledge.interfaces.job import Job
from fledge.interfaces.progress import Progress
from fledge.testing.faults import Fault
from fledge.testing.worker import CHAOS, TRACE

_Told = ParamSpec("_Told")
_Answer = TypeVar("_Answer")

_TIMEOUT_CHANCE = 0.2
_GAP_CHANCE = 0.3
# Below a backend's patience: what is tried is whether it is patient.
_TIMEOUTS_IN_A_ROW = 3


class ChaosBackend(ComputeBackend):
    """Wraps `inner` and, by a seeded chance, does what its promises must hold against.

    Files are staged twice, and every submission is made twice, and must give one reference. Questions time out, three
    times in a row at most. The log comes in pieces, cut anywhere, and now and then nothing comes while there is
    something. The worker is killed or told to stop at given steps (`faults`, one a try), and with `trace` it writes
    down what it computed.
    """

    def __init__(
        self, inner: ComputeBackend, seed: int = 0, *, faults: Sequence[Fault] = (), trace: bool = False
    ) -> None:
        super().__init__(inner.options, inner.home)
        self._inner = inner
        self.shares_files = inner.shares_files
        self._chance = random.Random(seed)  # noqa: S311 -- to be repeated, not to be secret
        self._faults = tuple(faults)
        self._trace = trace
        # Of each thread: who asks in vain is one of them, and patient for itself.
        self._timeouts: Counter[int] = Counter()

    def plan(self, job: Job) -> Request:
        told = {CHAOS: ",".join(map(str, self._faults))} if self._faults else {}
        told |= {TRACE: "1"} if self._trace else {}
        argv, rank = (
            tuple("fledge.testing.worker" if told and word == "fledge.worker" else word for word in words)
            for words in (job.argv, job.rank)
        )
        changed = replace(job, argv=argv, rank=rank, environment={**job.environment, **told})
        return Request(self._inner.plan(changed).body, changed)

    def _plan(self, job: Job) -> dict[str, Any]:
        return self.plan(job).body

    def wire(self, request: Request) -> dict[str, Any]:
        return self._inner.wire(request)

    def _stage(self, request: Request, progress: Progress) -> None:
        for _ in range(2):
            self._inner.stage(request, progress)

    def _inspect(self, request: Request) -> list[Finding]:
        return self._perhaps(self._inner.inspect, request)

    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef:
        first = self._inner.submit(request, key, after)
        self._time_out()
        second = self._inner.submit(request, key, after)
        if first != second:
            raise PluginError(f"two submissions under the key {key!r} gave two references: {first} and {second}")
        return first

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        return self._perhaps(self._inner.find, key, after)

    def _status(self, ref: RunRef) -> Status:
        return self._perhaps(self._inner.status, ref)

    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        self._time_out()
        if self._chance.random() < _GAP_CHANCE and not self._inner.status(ref).state.is_final:
            return LogChunk(b"", cursor)
        # As patient as the questions that it is asked by their names: it may have troubles of its own.
        chunk = self._inner._patiently(self._inner._read_log, ref, cursor)
        kept = self._chance.randint(1, len(chunk.data)) if chunk.data else 0
        return LogChunk(chunk.data[:kept], cursor + kept)

    def _cancel(self, ref: RunRef) -> None:
        self._perhaps(self._inner.cancel, ref)

    def _fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress) -> list[Path]:
        return self._perhaps(self._inner.fetch, ref, pattern, dest, progress)

    def _perhaps(self, ask: Callable[_Told, _Answer], *args: _Told.args, **kwargs: _Told.kwargs) -> _Answer:
        self._time_out()
        return ask(*args, **kwargs)

    def _time_out(self) -> None:
        asks = threading.get_ident()
        if self._timeouts[asks] < _TIMEOUTS_IN_A_ROW and self._chance.random() < _TIMEOUT_CHANCE:
            self._timeouts[asks] += 1
            raise TimeoutError("chaos: no answer")
        self._timeouts[asks] = 0
