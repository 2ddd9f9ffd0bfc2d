"""Local: runs jobs on this machine, each as a process group of its own."""

import contextlib
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

import psutil
from filelock import FileLock
from fledge import (
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
    replaced,
    write_atomic,
)

from fledge_local import supervisor
from fledge_local.options import LocalOptions
from fledge_local.outcome import last_words, outcome
from fledge_local.process import ProcessIdentity

# What a job has to reach the end of a step and write a checkpoint, before it is killed.
GRACE_SECONDS = 10.0
_KILL_SECONDS = 5.0
# A worker on another machine writes a heartbeat more often than this.
_SILENCE_SECONDS = 90.0
_CHUNK = 1 << 20


class Local(ComputeBackend):
    """Keeps each run in `runs/<key>/` of fledge's home, and the order of those that wait in `queue/`.

    launch.json says what the run's supervisor does, ref.json which process that is, and begun that it was let go;
    running.json is there while the job runs, canceled once somebody wanted it to stop, exit.json when it has ended.
    """

    options: LocalOptions

    def check(self) -> list[Finding]:
        told = f"{self._slots} runs at once, {psutil.virtual_memory().total / 1e9:.0f} GB of memory"
        return [Finding("ok", told, "another number of runs: --set backend.slots=N")]

    @property
    def _slots(self) -> int:
        return self.options.slots or os.cpu_count() or 1

    def _plan(self, job: Job) -> dict[str, Any]:
        if job.resources.nodes != 1:
            raise UsageError(
                f"backend 'local' is one machine, and the run asks for {job.resources.nodes} nodes",
                hint="choose another backend, or --set launcher.nodes=1",
            )
        argv = [sys.executable if word == "python" and place == 0 else word for place, word in enumerate(job.argv)]
        return {"argv": argv, "environment": dict(job.environment), "slots": self._slots, "retries": job.retries}

    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef:
        folder = self._folder(key, after)
        if after and folder != self.home / "runs" / folder.name:
            raise RunError(
                f"run {folder.name} ran in {folder}, and fledge's home is {self.home} now",
                hint="move it back, or set FLEDGE_HOME to where it was",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".submit.lock"):
                known = self._find(key, after)
                if known:
                    return known
                for left in ("begun", "exit.json", "running.json", "canceled"):
                    (folder / left).unlink(missing_ok=True)
                self._write_job(folder, request)
                return self._start(folder, request, key)
        except OSError as error:
            where = error.filename or folder
            raise RunError(
                f"the run cannot be started: {where}: {error.strerror}",
                hint="make room there, or name another place with FLEDGE_HOME",
            ) from None

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        folder = self._folder(key, after)
        try:
            ref = RunRef(**json.loads((folder / "ref.json").read_text()))
        except FileNotFoundError:
            return None
        return ref if ref.key == key and _has_begun(folder, ref) else None

    def _folder(self, key: str, after: RunRef | None) -> Path:
        return Path(after.details["folder"]) if after else self.home / "runs" / key

    def _write_job(self, folder: Path, request: Request) -> None:
        code = folder / "code"
        for name in ("code", "outputs", "logs"):
            # A script's are links to what is in code/, which it may have removed.
            (folder / name).resolve().mkdir(parents=True, exist_ok=True)
        for file in request.job.snapshot.files:
            target = code / file.target
            # A run that goes on has its snapshot already.
            if file.source != target:
                target.parent.mkdir(parents=True, exist_ok=True)
                # In one step: half a file must not pass for one, should this be killed and taken up again.
                with replaced(target) as part:
                    shutil.copy(file.source, part)
        for name, content in request.job.files.items():
            (code / name).write_text(content, encoding="utf-8")
        told = {name: request.body[name] for name in ("argv", "retries", "slots")}
        write_atomic(folder / "launch.json", json.dumps({**told, "cwd": str(code)}))

    def _start(self, folder: Path, request: Request, key: str) -> RunRef:
        process = self._supervisor(folder, request, key)
        assert process.stdin is not None
        try:
            ref = RunRef("local", key, {"folder": str(folder), **vars(ProcessIdentity.of(process.pid))})
            write_atomic(folder / "ref.json", json.dumps(vars(ref)))
            # Not before it can be found again: should this process die here, the supervisor ends without a word.
            process.stdin.write(supervisor.GO)
            process.stdin.close()
        except BaseException:
            process.kill()
            process.wait()
            (folder / "ref.json").unlink(missing_ok=True)
            raise
        # Waited for, lest a run that has ended stays a zombie of a caller that lives on.
        threading.Thread(target=process.wait, daemon=True).start()
        return ref

    def _supervisor(self, folder: Path, request: Request, key: str) -> "subprocess.Popen[bytes]":
        # Drawn here: who submits first comes first, whichever process is quicker to begin.
        turn = supervisor.Turn.draw(self.home / "queue", key)
        words = [str(folder), str(turn.ticket), str(turn.descriptor)]
        try:
            with (folder / "log.txt").open("ab") as log:
                return subprocess.Popen(
                    [sys.executable, "-I", "-S", supervisor.__file__, *words],
                    pass_fds=[turn.descriptor],
                    # Handed on in memory: an environment holds secrets, and no file of a run may.
                    env={**os.environ, **request.body["environment"], **self._marks(folder, key)},
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        finally:
            turn.leave()

    def _marks(self, folder: Path, key: str) -> dict[str, str]:
        """What every process of a submission has in its environment, and no other."""
        run = folder.name
        return {"FLEDGE_RUN_DIR": str(folder), "FLEDGE_RUN_ID": run, "FLEDGE_KEY": key, "FLEDGE_HOME": str(self.home)}

    def _status(self, ref: RunRef) -> Status:
        identity = ProcessIdentity.from_dict(ref.details)
        folder = Path(ref.details["folder"])
        # Asked before its word is looked for: one that ends between the two has left it.
        alive = identity.alive()
        code = _exit_code(folder)
        running = (folder / "running.json").exists()
        if code is None and identity.elsewhere:
            # All that is seen of another machine is what it writes; one that waits there has nothing to write.
            alive = not running or _age(folder) < _SILENCE_SECONDS
        if code is None and alive:
            return Status(RunState.RUNNING) if running else Status(RunState.QUEUED, "waits for its turn")
        ended = _ended(folder)
        if code is None:
            # Its supervisor was killed, and nobody else watches what it had started.
            identity.end_group({"FLEDGE_RUN_DIR": str(folder), "FLEDGE_KEY": ref.key})
        if (folder / "canceled").exists():
            return Status(RunState.CANCELED, "canceled on request", code, ended)
        state, reason = outcome(code)
        words = last_words(folder / "log.txt") if state is RunState.FAILED else ""
        return Status(state, f"{reason}; its last words: {words}" if words else reason, code, ended)

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
        folder = Path(ref.details["folder"])
        if identity.elsewhere:
            raise RunError(f"run {ref.key} runs on another machine, {identity.machine}", hint="cancel it there")
        (folder / "canceled").touch()
        identity.signal(signal.SIGTERM)
        if not self._gone(identity, GRACE_SECONDS):
            self._kill(ref)

    def _kill(self, ref: RunRef) -> None:
        identity, folder = ProcessIdentity.from_dict(ref.details), Path(ref.details["folder"])
        (folder / "canceled").touch()
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            # The job alone: its supervisor then ends what is left of it.
            psutil.Process(json.loads((folder / "running.json").read_text())["pid"]).kill()
        if not self._gone(identity, _KILL_SECONDS):
            identity.signal(signal.SIGKILL)
            self._gone(identity, _KILL_SECONDS)

    def _gone(self, identity: ProcessIdentity, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while alive := identity.alive():
            if time.monotonic() > deadline:
                break
            time.sleep(self.poll_seconds)
        return not alive

    def _fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress) -> list[Path]:
        folder = Path(ref.details["folder"])
        if not pattern or pattern.startswith("/") or ".." in Path(pattern).parts:
            raise UsageError(f"{pattern!r} does not name files within a run", hint='for example: "outputs/**/*"')
        fetched = []
        found = [path for path in sorted(folder.glob(pattern)) if path.is_file()]
        for done, source in enumerate(found):
            progress("copying", done, len(found))
            target = dest / source.relative_to(folder)
            fetched.append(target)
            if target.exists() and (target.samefile(source) or _same(source, target)):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with replaced(target) as part:
                shutil.copyfile(source, part)
        return fetched


def _has_begun(folder: Path, ref: RunRef) -> bool:
    """Whether its supervisor was let go: one whose parent was killed before that ends, and no job was ever started."""
    identity = ProcessIdentity.from_dict(ref.details)
    while True:
        # Asked before looking: one that begins and ends between the two has left its mark.
        alive = identity.alive()
        if (folder / "begun").exists():
            return True
        if not alive:
            return False
        time.sleep(0.01)


def _exit_code(folder: Path) -> int | None:
    try:
        return int(json.loads((folder / "exit.json").read_text())["code"])
    except FileNotFoundError:
        return None


def _age(folder: Path) -> float:
    """Seconds since a run's job was started or wrote to its journal."""
    paths = [path for name in ("journal.jsonl", "running.json") if (path := folder / name).exists()]
    return time.time() - max((path.stat().st_mtime for path in paths), default=0.0)


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
