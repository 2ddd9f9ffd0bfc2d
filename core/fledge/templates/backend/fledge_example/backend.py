"""Example: a job is a process of this machine."""

import filecmp
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from fledge import (
    TRY_AGAIN,
    ComputeBackend,
    Finding,
    Job,
    LogChunk,
    Progress,
    Request,
    RunError,
    RunRef,
    RunState,
    Status,
    UsageError,
    write_atomic,
)

from fledge_example import runner
from fledge_example.options import ExampleOptions
from fledge_example.place import Place, copy

_CHUNK = 1 << 20


class Example(ComputeBackend):
    """Keeps a run in `runs/ID/` of fledge's home, and whatever a submission of it needs in a `Place` of its own."""

    options: ExampleOptions

    def check(self) -> list[Finding]:
        return [Finding("ok", f"{os.cpu_count()} processors")]

    def _plan(self, job: Job) -> dict[str, Any]:
        if job.resources.nodes != 1:
            raise UsageError(f"backend 'example' is one machine, and the run asks for {job.resources.nodes} nodes")
        argv = [sys.executable, *job.argv[1:]] if job.argv[0] == "python" else list(job.argv)
        return {"argv": argv, "environment": dict(job.environment), "retries": job.retries}

    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef:
        place = self._place(key, after)
        # Of two at once under one key, the second finds what the first has started.
        with place.alone():
            known = self._find(key, after)
            if known:
                return known
            place.lay_out(request)
            job = {"argv": request.body["argv"], "retries": request.body["retries"], "grace": self.options.grace}
            write_atomic(place.path / "job.json", json.dumps(job))
            return self._start(place, request, key)

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        place = self._place(key, after)
        found = runner.read(place.path / "ref.json")
        return RunRef(**found) if found and place.begun() else None

    def _place(self, key: str, after: RunRef | None) -> Place:
        run = Place.of(after).run if after else self.home / "runs" / key
        return Place(run / "submissions" / key)

    def _start(self, place: Place, request: Request, key: str) -> RunRef:
        marks = {"FLEDGE_RUN_DIR": str(place.run), "FLEDGE_RUN_ID": place.run.name, "FLEDGE_HOME": str(self.home)}
        with (place.run / "log.txt").open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, "-P", runner.__file__, str(place.path)],
                # In memory alone: an environment holds secrets, which no file may.
                env=os.environ | request.body["environment"] | marks,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert started.stdin is not None
        assert started.stdout is not None
        try:
            with started.stdin as to_runner, started.stdout as from_runner:
                if from_runner.readline() != runner.READY:
                    words = (place.run / "log.txt").read_text(errors="replace").strip()
                    raise RunError(f"the runner of {key} has not come up: {words[-1000:]}")
                ref = RunRef("example", key, {"place": str(place.path), "pid": started.pid})
                write_atomic(place.path / "ref.json", json.dumps(vars(ref)))
                # Not before the run can be found: should this process die here, the runner ends and starts nothing.
                to_runner.write(runner.GO)
        except BaseException:
            started.kill()
            started.wait()
            (place.path / "ref.json").unlink(missing_ok=True)
            raise
        # Waited for, lest it stays a zombie of a caller that lives on.
        threading.Thread(target=started.wait, daemon=True).start()
        return ref

    def _status(self, ref: RunRef) -> Status:
        place = Place.of(ref)
        # Asked before its word is looked for: a runner that ends between the two has left it.
        alive = place.alive()
        told = runner.read(place.path / "exit.json")
        if not told:
            return Status(RunState.RUNNING) if alive else Status(RunState.LOST, "its runner is gone")
        code = told["code"]
        if told["canceled"]:
            return Status(RunState.CANCELED, "canceled on request", code)
        # The last was told to stop before it could listen.
        known = {0: RunState.COMPLETED, TRY_AGAIN: RunState.PREEMPTED, -signal.SIGTERM: RunState.PREEMPTED}
        state = known.get(code, RunState.LOST if code < 0 else RunState.FAILED)
        reason = f"killed by signal {-code}" if code < 0 else f"ended with exit status {code}"
        return Status(state, reason if code else "", code)

    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        try:
            with (Place.of(ref).run / "log.txt").open("rb") as log:
                log.seek(cursor)
                data = log.read(_CHUNK)
        except FileNotFoundError:
            data = b""
        return LogChunk(data, cursor + len(data))

    def _cancel(self, ref: RunRef) -> None:
        # No signal: the runner looks for the file. Its number may be another process's by now.
        (Place.of(ref).path / "canceled").touch()

    def _fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress) -> list[Path]:
        folder, fetched = Place.of(ref).run, []
        found = [path for path in sorted(folder.glob(pattern)) if path.is_file()]
        for done, source in enumerate(found):
            progress("copying", done, len(found))
            target = dest / source.relative_to(folder)
            fetched.append(target)
            if not (target.exists() and filecmp.cmp(source, target, shallow=False)):
                copy(source, target)
        return fetched
