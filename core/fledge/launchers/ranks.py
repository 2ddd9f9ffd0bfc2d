"""`python -m fledge.launchers.ranks [MIN:]PROCESSES NODES ARGV...`: executes ARGV once a rank on this node, and waits.

Each finds RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT in its environment, as under
torchrun; PROCESSES are those of all nodes together. Their output comes as one stream, each line behind "[rank] ".

A signal to stop is handed on. Once a rank has failed the others have a moment to fail of it, are asked to show where
they stand, and are stopped. Where ranks were killed, and MIN or more are left, so many are started again. Otherwise it
ends as the first that failed: with its exit status, or killed by the same signal.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fledge.launchers import first_failure
from fledge.launchers.first_failure import FirstFailure
from fledge.launchers.voices import Voices, say

# What fledge.interfaces.job calls TRY_AGAIN: this process, beside many that compute, imports next to nothing.
_TRY_AGAIN = 75
_POLL_SECONDS = 0.05
# What those whose peer is gone have to notice, and to say so.
_NOTICE_SECONDS = 5.0
# And then to write what they hold, once they were told to stop.
_GRACE_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1
_LINUX = sys.platform == "linux"


class Ranks:
    def __init__(self, processes: int, least: int, nodes: int, argv: list[str]) -> None:
        self._count, self._world, self._least = processes // nodes, processes, least
        self._first = int(os.environ.get("NODE_RANK", "0")) * self._count
        self._argv = [sys.executable, *argv[1:]] if argv[0] == "python" else argv
        self._shows = "fledge.worker" in argv
        told = os.environ.get("FLEDGE_RUN_DIR")
        self._folder = Path(told) if told else None
        self._ranks: list[subprocess.Popen[bytes]] = []
        self._voices: Voices
        self._lost = 0
        self._stopping = False

    def run(self) -> int:
        """Their exit code: negative for a signal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)
        while True:
            code = self._run_once()
            left = self._world - self._lost
            if not self._lost or left < self._least or self._stopping:
                return code
            _tell(f"{left} of {self._world} processes are left, and go on from the last checkpoint")
            # On one node, where alone some may be lost.
            self._count = self._world = left

    def _run_once(self) -> int:
        if self._folder:
            first_failure.forget(self._folder)
        self._ranks, self._voices, self._lost = [], Voices(self._first_failed), 0
        with _meeting() as where:
            self._start(where)
            return self._wait()

    def _start(self, where: dict[str, str]) -> None:
        shared = where | {"WORLD_SIZE": str(self._world), "LOCAL_WORLD_SIZE": str(self._count)}
        cores = _cores()
        if self._count > cores:
            _tell(f"{self._count} processes share {cores} cores, and are slower than {cores} would be")
        # A thread for each core they share: more would wait for each other.
        shared["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", str(max(1, cores // self._count)))
        for local in range(self._count):
            own = {"RANK": str(self._first + local), "LOCAL_RANK": str(local)}
            rank = subprocess.Popen(
                self._argv,
                env=os.environ | shared | own,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 -- there are no threads here
            )
            # One by one, so that whoever is told to stop meanwhile knows all that there are.
            self._ranks.append(rank)
            if self._stopping:
                rank.terminate()
            assert rank.stdout is not None
            self._voices.add(self._first + local, rank.stdout)

    def _hear(self, *_: object) -> None:
        self._stopping = True
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        for rank in self._ranks:
            if rank.poll() is None:
                rank.send_signal(number)

    def _wait(self) -> int:
        failed = self._until_one_fails()
        if failed is None:
            self._voices.drain(_GRACE_SECONDS)
            return 0
        if self._stopping:
            self._end()
            self._voices.drain(_GRACE_SECONDS)
            wishes = {0, _TRY_AGAIN, -signal.SIGTERM, -signal.SIGKILL}
            return next((code for one in self._ranks if (code := one.wait()) not in wishes), _TRY_AGAIN)
        rank, code = failed
        # What it said before it ended comes before that.
        self._voices.hear(0)
        first = self._blame(rank, code)
        self._gone(_NOTICE_SECONDS)
        # By nobody here, so far; another signal may be how a rank fails of one that is gone.
        killed = {self._first + local for local, one in enumerate(self._ranks) if one.poll() == -signal.SIGKILL}
        self._lost = len(killed | ({rank} if code < 0 else set()))
        if self._shows:
            self._send(signal.SIGUSR1)
            # For their last lines before the signal to stop adds to them.
            time.sleep(_POLL_SECONDS)
        self._send(signal.SIGTERM)
        self._end()
        self._voices.drain(_GRACE_SECONDS)
        # A last line, for whoever reads no more than that.
        _tell(first.error.partition("\n")[0])
        return code

    def _end(self) -> None:
        """Those that were told to stop have their time, and no more."""
        if not self._gone(_GRACE_SECONDS):
            self._send(signal.SIGKILL)
            self._gone(_GRACE_SECONDS)

    def _until_one_fails(self) -> tuple[int, int] | None:
        """Its rank and exit code; None once all have ended well."""
        while True:
            codes = [rank.poll() for rank in self._ranks]
            # Of several that are found at once one that was killed: others fail of that.
            for local, code in sorted(enumerate(codes), key=lambda found: found[1] != -signal.SIGKILL):
                if code:
                    return self._first + local, code
            if None not in codes:
                return None
            self._voices.hear(_POLL_SECONDS)

    def _first_failed(self) -> int | None:
        first = first_failure.read(self._folder) if self._folder else None
        return first.rank if first else None

    def _blame(self, rank: int, code: int) -> FirstFailure:
        """Whose failure it was: of the rank that ended first, or another that it says was before it."""
        killed = code < 0
        how = f"was killed by {signal.Signals(-code).name}" if killed else f"ended with exit status {code}"
        _tell(f"rank {rank} {how}, and ends the others")
        mine = FirstFailure(rank, f"rank {rank} {how}", transient=killed or code == _TRY_AGAIN)
        return mine.leave(self._folder) if self._folder else mine

    def _gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while left := any(rank.poll() is None for rank in self._ranks):
            if time.monotonic() > deadline:
                break
            self._voices.hear(_POLL_SECONDS)
        return not left


@contextmanager
def _meeting() -> Iterator[dict[str, str]]:
    """Where the ranks meet: on one node, at a port that is free; on several, where the backend says."""
    if "MASTER_ADDR" in os.environ:
        yield {}
        return
    with socket.socket() as free:
        # Held, lest whoever asks for any port is given it while the ranks start; rank 0, who asks for this one by the
        # same option, may listen there beside.
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": os.environ.get("MASTER_PORT", port)}
        if not _LINUX:
            # Elsewhere connections would come to this socket, which does not listen.
            free.close()
        # What a machine's own name leads to, if to anything, may not reach itself.
        yield told | ({"GLOO_SOCKET_IFNAME": os.environ.get("GLOO_SOCKET_IFNAME", "lo")} if _LINUX else {})


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if _LINUX else os.cpu_count() or 1


def _tell(line: str) -> None:
    say(line.encode(errors="backslashreplace"))


def _die_with_parent() -> None:
    # Linux only: ranks whose starter was killed would wait for each other, watched by nobody.
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave(code: int) -> int:
    if code >= 0:
        return code
    # In the same way, so that whoever watches sees what happened.
    if -code not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 1


if __name__ == "__main__":
    least, _, most = sys.argv[1].rpartition(":")
    sys.exit(_leave(Ranks(int(most), int(least or most), int(sys.argv[2]), sys.argv[3:]).run()))
