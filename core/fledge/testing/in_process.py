"""InProcessBackend: a run in the calling process, for tests that have no second to spare."""

import filecmp
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from fledge.errors import UsageError
from fledge.interfaces.backend import ComputeBackend, LogChunk, Request, RunRef, Status
from fledge.interfaces.job import TRY_AGAIN, Job
from fledge.interfaces.progress import Progress
from fledge.interfaces.state import RunState
from fledge.runs.history import History
from fledge.worker.work import work

_CHUNK = 1 << 20
_OUTCOMES = {0: RunState.COMPLETED, TRY_AGAIN: RunState.PREEMPTED}


class InProcessBackend(ComputeBackend):
    """`submit` returns when the run has ended: no process is started, and torch is imported once for all tests.

    Only fledge's own worker runs here, in the main thread, one run at a time. What a run sets for the whole process
    (torch's threads and determinism) stays set. A debugger stops in it, and a test's monkeypatches reach it.
    """

    def _plan(self, job: Job) -> dict[str, Any]:
        if "fledge.worker" not in job.argv or job.resources.processes * job.resources.nodes != 1:
            raise UsageError("the backend in-process runs fledge's own worker alone, and one process of it")
        return {"spec": job.argv[-1]}

    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef:
        known = self._find(key, after)
        if known:
            return known
        folder = Path(after.details["folder"]) if after else self.home / "runs" / key
        code = folder / "code"
        for name in ("code", "outputs", "logs"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for file in request.job.snapshot.files:
            target = code / file.target
            if file.source != target:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.source, target)
        for name, content in request.job.files.items():
            (code / name).write_text(content, encoding="utf-8")
        marks = {"FLEDGE_RUN_DIR": str(folder), "FLEDGE_RUN_ID": folder.name, "FLEDGE_KEY": key}
        with _as_a_process(code, {**request.job.environment, **marks}, folder / "log.txt"):
            exit_code = work(code / request.body["spec"], folder)
        ref = RunRef("in-process", key, {"folder": str(folder)})
        (folder / "ended.json").write_text(json.dumps({"exit": exit_code, **vars(ref)}))
        if History.read(folder).state is RunState.PREEMPTED:
            # The signal was for this process as well.
            raise KeyboardInterrupt
        return ref

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        folder = Path(after.details["folder"]) if after else self.home / "runs" / key
        try:
            told = json.loads((folder / "ended.json").read_text())
        except FileNotFoundError:
            return None
        return RunRef(told["backend"], key, told["details"]) if told["key"] == key else None

    def _status(self, ref: RunRef) -> Status:
        try:
            code = json.loads((Path(ref.details["folder"]) / "ended.json").read_text())["exit"]
        except FileNotFoundError:
            return Status(RunState.LOST, "its process ended")
        return Status(_OUTCOMES.get(code, RunState.FAILED), exit_code=code)

    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        with (Path(ref.details["folder"]) / "log.txt").open("rb") as log:
            log.seek(cursor)
            data = log.read(_CHUNK)
        return LogChunk(data, cursor + len(data))

    def _cancel(self, ref: RunRef) -> None:
        """It has ended."""

    def _fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress) -> list[Path]:
        folder, fetched = Path(ref.details["folder"]), []
        found = [path for path in sorted(folder.glob(pattern)) if path.is_file()]
        for done, source in enumerate(found):
            progress("copying", done, len(found))
            target = dest / source.relative_to(folder)
            fetched.append(target)
            if not (target.exists() and filecmp.cmp(source, target, shallow=False)):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        return fetched


@contextmanager
def _as_a_process(folder: Path, environment: dict[str, str], log: Path) -> Iterator[None]:
    """What a process of its own would have to itself, as it was when this is left."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = Path.cwd(), dict(os.environ), list(sys.path), [signal.getsignal(number) for number in numbers]
    outputs = [(number, os.dup(number)) for number in (1, 2)]
    os.chdir(folder)
    os.environ.update(environment)
    try:
        with log.open("a", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
            for number, _ in outputs:
                # For the processes that a run starts.
                os.dup2(file.fileno(), number)
            yield
    finally:
        for number, kept in outputs:
            os.dup2(kept, number)
            os.close(kept)
        os.chdir(before[0])
        os.environ.clear()
        os.environ.update(before[1])
        sys.path[:] = before[2]
        for number, handler in zip(numbers, before[3], strict=True):
            signal.signal(number, handler)
