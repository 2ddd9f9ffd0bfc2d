"""The process a local run is: waits for its turn, starts the job, and writes down how it ended.

Run by its path with the standard library alone, so that it starts at once and
holds little memory: thirty may be waiting. It outlives the command that started it; the run's exit code is therefore
known to any process that looks later, and not only to a parent that stayed.

It begins when its parent has written down who it is and says so on standard input; a parent that dies before that
leaves nothing running, and no RUN_DIR/begun. RUN_DIR/launch.json says what to do: argv, cwd, retries, slots. Its place
in the queue is drawn by that parent and handed on: `python supervisor.py RUN_DIR TICKET DESCRIPTOR`.
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

GO = b"go\n"
# BSD's EX_TEMPFAIL, which fledge.interfaces.job calls TRY_AGAIN: nothing but the standard library is imported here.
TRY_AGAIN = 75
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_POLL_SECONDS = 0.2
_LONGEST_PAUSE = 60.0
_LINUX = sys.platform == "linux"


class _ToldToStopError(Exception):
    pass


class Turn:
    """A place in the queue of a home's runs, held by a lock that the kernel lets go of when its process dies.

    Tickets are numbered in the order they are drawn, whatever the clock says; a run's turn has come when
    fewer than `slots` before it are still held.
    """

    def __init__(self, ticket: Path, descriptor: int) -> None:
        """descriptor: of the ticket, open and locked; a child that it is passed to holds the same lock."""
        self.ticket = ticket
        self.descriptor = descriptor

    @classmethod
    def draw(cls, folder: Path, key: str) -> "Turn":
        folder.mkdir(parents=True, exist_ok=True)
        with _gate(folder):
            number = 1 + max((number for number, _ in _tickets(folder)), default=0)
            ticket = folder / f"{number}.{key}"
            descriptor = os.open(ticket, os.O_WRONLY | os.O_CREAT)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        return cls(ticket, descriptor)

    def has_come(self, slots: int) -> bool:
        own, folder = _number(self.ticket), self.ticket.parent
        with _gate(folder):
            return sum(_held(path) for number, path in _tickets(folder) if number < own) < slots

    def pass_on(self) -> None:
        self.ticket.unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """Hold it no longer: whoever else does holds it still."""
        os.close(self.descriptor)


def _gate(folder: Path) -> Any:
    gate = (folder / ".lock").open("w")
    fcntl.flock(gate, fcntl.LOCK_EX)
    return gate


def _number(ticket: Path) -> int:
    return int(ticket.name.partition(".")[0])


def _tickets(folder: Path) -> list[tuple[int, Path]]:
    return [(_number(path), path) for path in folder.iterdir() if path.name[0].isdigit()]


def _held(path: Path) -> bool:
    with path.open("w") as ticket:
        try:
            fcntl.flock(ticket, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        # Its owner may have just let go of it, and taken it away.
        path.unlink(missing_ok=True)
        return False


class Supervisor:
    def __init__(self, run_dir: Path, turn: Turn) -> None:
        self.run_dir = run_dir
        self.turn = turn
        self.launch: dict[str, Any] = json.loads((run_dir / "launch.json").read_text())
        self.job: subprocess.Popen[bytes] | None = None
        self.idle = True
        self.told = False

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._hear)
        try:
            self._wait()
            self._try_until_done()
        except _ToldToStopError:
            self._record(TRY_AGAIN)
        finally:
            self.turn.pass_on()

    def _hear(self, number: int, _: object) -> None:
        # SIGHUP is no wish: a terminal was closed.
        if number == signal.SIGHUP:
            return
        self.told = True
        if self.idle:
            self.idle = False
            raise _ToldToStopError
        # To the job alone: it asks its own processes.
        if self.job is not None:
            self.job.send_signal(signal.SIGTERM)

    def _wait(self) -> None:
        waiting = False
        while not self.turn.has_come(self.launch["slots"]):
            if not waiting:
                print(f"[queued] until one of {self.launch['slots']} slots is free", flush=True)
                waiting = True
            time.sleep(_POLL_SECONDS)

    def _try_until_done(self) -> None:
        retries = self.launch["retries"]
        for tried in range(retries + 1):
            code = self._try()
            again = code < 0 or code == TRY_AGAIN
            if not again or tried == retries or (self.run_dir / "canceled").exists():
                self._record(code)
                return
            pause = min(_LONGEST_PAUSE, 2.0**tried)
            print(f"[queued] to be tried again in {pause:g} s, retry {tried + 1} of {retries}", flush=True)
            self.idle = True
            if self.told:
                # Since the job ended.
                raise _ToldToStopError
            time.sleep(pause)

    def _try(self) -> int:
        """Start the job and wait; what it has left behind is gone when this returns its exit code."""
        self.idle = False
        try:
            self.job = subprocess.Popen(
                self.launch["argv"],
                cwd=self.launch["cwd"],
                stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 -- there is no other thread
            )
        except OSError as error:
            print(f"{self.launch['argv'][0]} cannot be started: {error}", file=sys.stderr, flush=True)
            return 127
        if self.told:
            # Between the fork and the line above, when there was no job to tell yet.
            self.job.send_signal(signal.SIGTERM)
        running = self.run_dir / "running.json"
        with suppress(OSError):
            _write(running, {"pid": self.job.pid}, lasts=False)
        code = self.job.wait()
        self.job, self.told = None, False
        _end_offspring()
        running.unlink(missing_ok=True)
        return code

    def _record(self, code: int) -> None:
        try:
            _write(self.run_dir / "exit.json", {"code": code})
        except FileNotFoundError:
            print(f"{self.run_dir} was removed", file=sys.stderr)


def _write(path: Path, told: dict[str, int], *, lasts: bool = True) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w") as file:
        json.dump(told, file)
        file.flush()
        if lasts:
            os.fsync(file.fileno())
    temporary.replace(path)


def _die_with_parent() -> None:
    # Linux only: a supervisor that is killed must not leave a job behind that nobody watches.
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _adopt_orphans() -> None:
    # Linux only: what the job starts in sessions of their own comes to this process when its parent ends.
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _end_offspring() -> None:
    """Kill whatever the job has left behind: it must not outlive the run, nor need its supervisor."""
    if not _LINUX:
        return
    while True:
        for pid in _descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _descendants(ancestor: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The name before the last ")" may hold anything; the parent is the second field behind it.
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [ancestor]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def main(run_dir: Path, turn: Turn) -> None:
    if sys.stdin.buffer.readline() != GO:
        return
    (run_dir / "begun").touch()
    _adopt_orphans()
    Supervisor(run_dir, turn).run()
    if not _LINUX:
        os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Turn(Path(sys.argv[2]), int(sys.argv[3])))
