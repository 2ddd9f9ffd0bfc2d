"""ComputeBackend: somewhere a job can run."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, ParamSpec, TypeVar

from fledge.errors import RunError
from fledge.interfaces.job import Job
from fledge.interfaces.options import Options
from fledge.interfaces.progress import Progress, no_progress
from fledge.interfaces.state import RunState
from fledge.transient import is_transient

_PATIENCE_SECONDS = 120.0
_Told = ParamSpec("_Told")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Request:
    """Exactly what `submit` will do, as plain JSON values: made by `plan`, shown by --dry-run, sent by `submit`."""

    body: dict[str, Any]
    job: Job


@dataclass(frozen=True)
class RunRef:
    """All that is needed to find a submitted job again, from any process: JSON values only."""

    backend: str
    key: str
    details: dict[str, Any]


@dataclass(frozen=True)
class Status:
    """What the backend knows.

    reason says in words why the state is what it is, where there is anything to say; ended is when a
    run that is over ended (UTC, ISO 8601), where that is known, and the same whenever it is asked for.
    """

    state: RunState
    reason: str = ""
    exit_code: int | None = None
    ended: str | None = None


@dataclass(frozen=True)
class LogChunk:
    """Bytes of the log, and the cursor from which the next chunk begins."""

    data: bytes
    cursor: int


@dataclass(frozen=True)
class Finding:
    """One line of `fledge doctor` or `fledge run --check`: what was found, never empty, and in one more what to do
    about it, if anything."""

    level: Literal["ok", "warning", "error"]
    message: str
    remedy: str = ""


class ComputeBackend(ABC):
    """Runs jobs and answers for them.

    Constructed with its validated options and fledge's home folder (where runs are kept on this
    machine); construction is cheap and touches nothing. Whatever is asked about a run works from its RunRef
    alone, in any process, any number of times, after a restart of either side.

    A question that fails for a passing reason (`fledge.transient`) is asked `patience` times, with pauses that
    double from `poll_seconds`, but where it takes long to fail only for two minutes and at least twice; then RunError
    says that the backend does not answer.

    shares_files  whether its jobs see this machine's files, by the names that they have here; where they do not, what a
                  data set or a model is told to read is in the job's snapshot
    """

    shares_files: bool = True
    poll_seconds: ClassVar[float] = 0.1
    patience: ClassVar[int] = 6

    def __init__(self, options: Options, home: Path) -> None:
        self.options = options
        self.home = home

    def plan(self, job: Job) -> Request:
        """The request that would run this job. Pure: no network, nothing started, nothing written.

        Raises UsageError for a job that it cannot run.
        """
        return Request(body=self._plan(job), job=job)

    def wire(self, request: Request) -> dict[str, Any]:
        """The bodies of the calls by which `submit` would send it, as JSON values, each by "METHOD path": what
        `fledge run --dry-run=wire` shows. Empty where nothing is sent over a wire.

        Nobody is asked, and nothing is started or left behind. What only the service knows is told by its name.
        """
        return {}

    def inspect(self, request: Request) -> list[Finding]:
        """Whether it could run now, as far as whoever would run it says: what `fledge run --check` shows.

        Nothing is started, made or changed. An error is what keeps the request from running, a warning what might, or
        what has it run as nobody may have meant it. Empty where there is nobody to ask.
        """
        return self._patiently(self._inspect, request)

    def stage(self, request: Request, progress: Progress = no_progress) -> None:
        """Have what the job reads where it will read it, so that `submit`, which else does that itself, is quick.

        Nothing is started. It may be interrupted or killed at any moment, and goes on another time from what is there.
        """
        self._patiently(self._stage, request, progress)

    def submit(self, request: Request, key: str, after: RunRef | None = None) -> RunRef:
        """Start it. Idempotent by key: a second submit with the same key returns the first one's reference.

        One key is one job, however many processes submit it at once, and at whatever moment one of them is killed:
        whoever submits next has that job's reference, and starts it where it was not.

        after: an earlier submission of the same run that has ended. The new one finds what that one left in
        FLEDGE_RUN_DIR (journal, checkpoints, outputs) and goes on from there. They have one log, in which this one's
        begins where that one's ended. What the earlier one's key means from then on is not promised.
        """
        return self._patiently(self._submit, request, key, after)

    def find(self, key: str, after: RunRef | None = None) -> RunRef | None:
        """The reference that `submit` with this key returned, or would have, had its caller lived; else None."""
        return self._patiently(self._find, key, after)

    def status(self, ref: RunRef) -> Status:
        """Its state now."""
        return self._patiently(self._status, ref)

    def logs(self, ref: RunRef, cursor: int = 0, follow: bool = False) -> Iterator[LogChunk]:
        """The log from `cursor` (a byte offset; 0 is the beginning) on, complete and in order.

        Without `follow` it ends at what there is now; with it, when the run has ended and everything was given.
        """
        while True:
            # Asked before reading: what is written between the two is then read in the next round.
            ended = not follow or self.status(ref).state.is_final
            while True:
                chunk = self._patiently(self._read_log, ref, cursor)
                if not chunk.data:
                    break
                cursor = chunk.cursor
                yield chunk
            if ended:
                return
            time.sleep(self.poll_seconds)

    def cancel(self, ref: RunRef, timeout: float = 30.0, *, at_once: bool = False) -> Status:
        """Stop it and everything it started, in sessions of their own too; returns when all of it has stopped.

        The job is asked first, as `Job` says, and has time to write a checkpoint; one that does not listen is killed,
        and `at_once` every one, where the backend can. Idempotent, while another thread is at it too; harmless on an
        ended run. Raises RunError when it still runs after `timeout` seconds.
        """
        status = self.status(ref)
        if status.state.is_final:
            return status
        self._patiently(self._kill if at_once else self._cancel, ref)
        deadline = time.monotonic() + timeout
        while not (status := self.status(ref)).state.is_final:
            if time.monotonic() > deadline:
                raise RunError(f"run {ref.key} is still {status.state} {timeout:g} s after it was asked to stop")
            time.sleep(self.poll_seconds)
        return status

    def fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress = no_progress) -> list[Path]:
        """Copy the run's files that match a glob pattern ("outputs/**") below `dest`, keeping their relative paths.

        Files already there with the same content are not written again. Of a run that has not ended, what there is
        so far. Threads and processes may fetch the same to the same place at once; `fledge.replaced` helps a backend
        with that. Returns the paths below `dest`.
        """
        dest.mkdir(parents=True, exist_ok=True)
        return self._patiently(self._fetch, ref, pattern, dest, progress)

    def check(self) -> list[Finding]:
        """What `fledge doctor` should say about this backend."""
        return []

    def _patiently(self, ask: Callable[_Told, _Answer], /, *args: _Told.args, **kwargs: _Told.kwargs) -> _Answer:
        begun = time.monotonic()
        for attempt in range(self.patience):
            # A client that takes its time has asked again and again by itself.
            if attempt > 1 and time.monotonic() - begun > _PATIENCE_SECONDS:
                break
            try:
                return ask(*args, **kwargs)
            except Exception as error:
                if not is_transient(error):
                    raise
                trouble = error
            time.sleep(self.poll_seconds * 2**attempt)
        raise RunError(
            f"backend {type(self).__name__} does not answer: {type(trouble).__name__}: {trouble}",
            hint="nothing was lost; try again later",
            transient=True,
        ) from trouble

    def _inspect(self, request: Request) -> list[Finding]:
        return []

    def _stage(self, request: Request, progress: Progress) -> None:
        """Nothing where its jobs see this machine's files."""
        return

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        """None where a submission that its caller did not live to hear of cannot be found again."""
        return None

    @abstractmethod
    def _plan(self, job: Job) -> dict[str, Any]: ...

    @abstractmethod
    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef: ...

    @abstractmethod
    def _status(self, ref: RunRef) -> Status: ...

    @abstractmethod
    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        """Up to about a megabyte from `cursor` on; empty where there is nothing more now."""

    @abstractmethod
    def _cancel(self, ref: RunRef) -> None: ...

    def _kill(self, ref: RunRef) -> None:
        """Cancel without a question. One that cannot cancels as ever."""
        self._cancel(ref)

    @abstractmethod
    def _fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress) -> list[Path]: ...
