"""Local: runs jobs on this machine, each as a process group of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from fledge import ComputeBackend, Job, LogChunk, Request, RunError, RunRef, RunState, Status, UsageError

from fledge_local.process import ProcessIdentity

GRACE_SECONDS = 5.0
_CHUNK = 1 << 20


class Local(ComputeBackend):
    """Keeps each run in `runs/<key>/` of fledge's home: code/, log.txt, launch.json, exit.json."""

    def _plan(self, job: Job) -> dict[str, Any]:
        if job.resources.nodes != 1:
            raise UsageError(
                f"backend 'local' is one machine, and the run asks for {job.resources.nodes} nodes",
                hint="choose another backend, or --set launcher.nodes=1",
            )
        argv = [sys.executable if word == "python" and place == 0 else word for place, word in enumerate(job.argv)]
        return {"argv": argv, "environment": dict(job.environment)}

    def _submit(self, request: Request, key: str) -> RunRef:
        folder = self.home / "runs" / key
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".submit.lock"):
            known = folder / "ref.json"
            if known.exists():
                return RunRef(**json.loads(known.read_text()))
            try:
                self._write_job(folder, request)
            except OSError as error:
                raise RunError(f"the run's files cannot be written to {folder}: {error.strerror}") from None
            process = self._start(folder, request, key)
            identity = ProcessIdentity.of(process.pid)
            # Waited for, lest a run that has ended stays a zombie of a caller that lives on.
            threading.Thread(target=process.wait, daemon=True).start()
            details = {"folder": str(folder), **vars(identity)}
            ref = RunRef("local", key, details)
            temporary = folder / ".ref.json.tmp"
            try:
                temporary.write_text(json.dumps(vars(ref)))
                temporary.replace(known)
            except OSError as error:
                identity.signal_group(signal.SIGKILL)
                raise RunError(f"the run cannot be written down in {folder}: {error.strerror}") from None
            return ref

    def _write_job(self, folder: Path, request: Request) -> None:
        code = folder / "code"
        for name in ("code", "outputs", "logs"):
            (folder / name).mkdir(exist_ok=True)
        for file in request.job.snapshot.files:
            target = code / file.target
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.source, target)
        for name, content in request.job.files.items():
            (code / name).write_text(content, encoding="utf-8")
        (folder / "launch.json").write_text(json.dumps({"argv": request.body["argv"], "cwd": str(code)}))

    def _start(self, folder: Path, request: Request, key: str) -> "subprocess.Popen[bytes]":
        supervisor = Path(__file__).with_name("supervisor.py")
        ours = {"FLEDGE_RUN_DIR": str(folder), "FLEDGE_RUN_ID": key, "FLEDGE_HOME": str(self.home)}
        with (folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", str(supervisor), str(folder)],
                # Handed on in memory: an environment holds secrets, and no file of a run may.
                env={**os.environ, **request.body["environment"], **ours},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _status(self, ref: RunRef) -> Status:
        identity = ProcessIdentity.from_dict(ref.details)
        alive = identity.alive()
        folder = Path(ref.details["folder"])
        try:
            code = json.loads((folder / "exit.json").read_text())["code"]
        except FileNotFoundError:
            code = None
        if code is None and alive:
            return Status(RunState.RUNNING)
        ended = _ended(folder)
        if code is None:
            # Its supervisor was killed, and nobody else watches what it had started.
            identity.end_group()
        if (folder / "canceled").exists():
            return Status(RunState.CANCELED, "canceled on request", code, ended)
        if code is None:
            return Status(RunState.LOST, "its process is gone and left no word of how it ended", None, ended)
        if code == 0:
            return Status(RunState.COMPLETED, "", 0, ended)
        if code < 0:
            return Status(RunState.LOST, f"its process was killed by {_signal_name(-code)}", code, ended)
        return Status(RunState.FAILED, f"its process ended with exit status {code}", code, ended)

    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        try:
            with (Path(ref.details["folder"]) / "log.txt").open("rb") as log:
                log.seek(cursor)
                data = log.read(_CHUNK)
        except FileNotFoundError:
            data = b""
        return LogChunk(data, cursor + len(data))

    def _cancel(self, ref: RunRef) -> None:
        identity = ProcessIdentity.from_dict(ref.details)
        (Path(ref.details["folder"]) / "canceled").touch()
        for number in (signal.SIGTERM, signal.SIGKILL):
            identity.signal_group(number)
            deadline = time.monotonic() + GRACE_SECONDS
            # The whole group: what the job started may outlive it, and a killed process needs a moment to be gone.
            while identity.group_alive() and time.monotonic() < deadline:
                time.sleep(self.poll_seconds)

    def _fetch(self, ref: RunRef, pattern: str, dest: Path) -> list[Path]:
        folder = Path(ref.details["folder"])
        if not pattern or pattern.startswith("/") or ".." in Path(pattern).parts:
            raise UsageError(f"{pattern!r} does not name files within a run", hint='for example: "outputs/**/*"')
        fetched = []
        for source in sorted(folder.glob(pattern)):
            target = dest / source.relative_to(folder)
            if not source.is_file():
                continue
            fetched.append(target)
            if target.exists() and (target.samefile(source) or _same(source, target)):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.part")
            shutil.copyfile(source, temporary)
            temporary.replace(target)
        return fetched


def _ended(folder: Path) -> str | None:
    """When the run last gave a sign of life: its exit, else its last words."""
    times = [
        path.stat().st_mtime for name in ("exit.json", "journal.jsonl", "log.txt") if (path := folder / name).exists()
    ]
    return datetime.fromtimestamp(max(times), UTC).isoformat(timespec="milliseconds") if times else None


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as a, other.open("rb") as b:
        while left := a.read(_CHUNK):
            if left != b.read(_CHUNK):
                return False
    return True


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
