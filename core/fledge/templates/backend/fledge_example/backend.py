"""Example: a job is a process of this machine."""

import fcntl
import filecmp
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from fledge import (
    ComputeBackend,
    Finding,
    Job,
    LogChunk,
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

# What fledge's jobs end with where they were stopped before the end through no fault of their own.
_TRY_AGAIN = 75
_CHUNK = 1 << 20


class Example(ComputeBackend):
    options: ExampleOptions

    def check(self) -> list[Finding]:
        return [Finding("ok", f"{os.cpu_count()} processors")]

    def _plan(self, job: Job) -> dict[str, Any]:
        if job.resources.nodes != 1:
            raise UsageError(f"backend 'example' is one machine, and the run asks for {job.resources.nodes} nodes")
        argv = [sys.executable, *job.argv[1:]] if job.argv[0] == "python" else list(job.argv)
        return {"argv": argv, "environment": dict(job.environment), "retries": job.retries}

    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef:
        known = self._find(key, after)
        if known:
            return known
        folder = self._folder(key, after)
        self._write_job(folder, request)
        marks = {"FLEDGE_RUN_DIR": str(folder), "FLEDGE_RUN_ID": folder.name, "FLEDGE_KEY": key}
        # Of two that are started under one key, the first alone runs the job.
        started = subprocess.Popen(
            [sys.executable, runner.__file__, str(folder), key],
            # In memory alone: an environment holds secrets, which no file may.
            env=os.environ | request.body["environment"] | marks | {"FLEDGE_HOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Waited for, lest it stays a zombie of a caller that lives on.
        threading.Thread(target=started.wait, daemon=True).start()
        while (known := self._find(key, after)) is None:
            if started.poll() is not None and self._find(key, after) is None:
                raise RunError(f"the runner of {key} ended with exit status {started.returncode}")
            time.sleep(0.01)
        return known

    def _write_job(self, folder: Path, request: Request) -> None:
        for name in ("code", "outputs", "logs"):
            # A script's are links to what is in code/, which it may have removed.
            (folder / name).resolve().mkdir(parents=True, exist_ok=True)
        for file in request.job.snapshot.files:
            target = folder / "code" / file.target
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.source != target:
                shutil.copy(file.source, target)
        for name, content in request.job.files.items():
            (folder / "code" / name).write_text(content, encoding="utf-8")
        job = {"argv": request.body["argv"], "retries": request.body["retries"]}
        runner.write(folder / "job.json", job | {"grace": self.options.grace, "try_again": _TRY_AGAIN})

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        folder = self._folder(key, after)
        found = runner.read(folder / "ref.json")
        return RunRef("example", key, {"folder": str(folder), "pid": found["pid"]}) if found.get("key") == key else None

    def _folder(self, key: str, after: RunRef | None) -> Path:
        return Path(after.details["folder"]) if after else self.home / "runs" / key

    def _status(self, ref: RunRef) -> Status:
        folder = Path(ref.details["folder"])
        # Asked before its word is looked for: a runner that ends between the two has left it.
        alive = _alive(folder)
        code = runner.read(folder / "exit.json").get("code")
        if code is None and alive:
            return Status(RunState.RUNNING)
        if (folder / "canceled").exists():
            return Status(RunState.CANCELED, "canceled on request", code)
        if code is None:
            return Status(RunState.LOST, "its runner is gone")
        if code < 0:
            return Status(RunState.LOST, f"killed by {signal.Signals(-code).name}", code)
        state = {0: RunState.COMPLETED, _TRY_AGAIN: RunState.PREEMPTED}.get(code, RunState.FAILED)
        return Status(state, f"ended with exit status {code}" if code else "", code)

    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        try:
            with Path(ref.details["folder"], "log.txt").open("rb") as log:
                log.seek(cursor)
                data = log.read(_CHUNK)
        except FileNotFoundError:
            data = b""
        return LogChunk(data, cursor + len(data))

    def _cancel(self, ref: RunRef) -> None:
        folder = Path(ref.details["folder"])
        write_atomic(folder / "canceled", "")
        if _alive(folder):
            with suppress(ProcessLookupError):
                os.kill(ref.details["pid"], signal.SIGTERM)

    def _fetch(self, ref: RunRef, pattern: str, dest: Path) -> list[Path]:
        folder, fetched = Path(ref.details["folder"]), []
        for source in (path for path in sorted(folder.glob(pattern)) if path.is_file()):
            target = dest / source.relative_to(folder)
            fetched.append(target)
            if not (target.exists() and filecmp.cmp(source, target, shallow=False)):
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary = target.with_name(f".{target.name}.part")
                shutil.copyfile(source, temporary)
                temporary.replace(target)
        return fetched


def _alive(folder: Path) -> bool:
    """Whether a runner holds its lock, which the kernel lets go of whatever ends it."""
    try:
        with (folder / "runner.lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
