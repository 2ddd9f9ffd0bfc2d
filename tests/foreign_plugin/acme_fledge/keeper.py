"""`python -m acme_fledge.keeper RECORDS FOLDER KEY`: runs one job, and outlives the server that started it.

It holds RECORDS/keeper.lock for as long as it lives: that is how the server sees that it does. RECORDS/job.json says
what to run; current.json, which it writes before it starts that, makes it the one that runs KEY; KEY.exit.json is its
last word.
The job's environment is its own, in memory alone: an environment holds secrets, and no file may.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from acme_fledge.belongings import end_all, marks
from acme_fledge.records import exit_file, read, write

# What fledge's jobs end with where they were stopped before the end through no fault of their own.
TRY_AGAIN = 75
_HEARD = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})
_LONG_SECONDS = 3600.0


class Keeper:
    def __init__(self, records: Path, folder: Path, key: str) -> None:
        self._records = records
        self._folder = folder
        self._marks = marks(folder, key)
        self._told_to_stop = False
        told = read(records / "job.json")
        self._argv: list[str] = told["argv"]
        self._retries: int = told["retries"]
        self._grace: float = told["grace"]

    def run(self) -> int:
        """The exit code of the last try."""
        for _ in range(self._retries + 1):
            code = self._try()
            again = code < 0 or code == TRY_AGAIN
            if not again or self._told_to_stop or (self._folder / "canceled").exists():
                break
        return code

    def _try(self) -> int:
        try:
            job = subprocess.Popen(
                self._argv,
                cwd=self._folder / "code",
                env=os.environ | self._marks,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_hear_everything,  # noqa: PLW1509 -- there is no other thread
            )
        except OSError as error:
            print(f"{self._argv[0]} cannot be started: {error}", flush=True)
            return 127
        self._wait(job)
        # Before it is waited for: until then its session's number is its own.
        end_all(self._marks, job.pid)
        return job.wait()

    def _wait(self, job: "subprocess.Popen[bytes]") -> None:
        """Until its process has ended, by itself or not."""
        deadline = None
        while not _has_ended(job.pid):
            left = _LONG_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())
            heard = signal.sigtimedwait(_HEARD, left)
            if heard is None and deadline is not None:
                end_all(self._marks, job.pid)
            elif heard is not None and heard.si_signo in (signal.SIGTERM, signal.SIGINT) and deadline is None:
                self._told_to_stop = True
                # To the job alone: it asks its own processes.
                job.send_signal(signal.SIGTERM)
                deadline = time.monotonic() + self._grace


def _has_ended(pid: int) -> bool:
    """Asked so that it can be waited for again."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _hear_everything() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def main(records: Path, folder: Path, key: str) -> None:
    # None is lost, whenever it comes: each waits until it is asked for.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    with (records / "keeper.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if read(records / "current.json").get("key") == key:
            # Started twice under the key: by a server that was killed, and by the next.
            return
        (folder / "canceled").unlink(missing_ok=True)
        write(records / "current.json", {"key": key, "pid": os.getpid()})
        code = Keeper(records, folder, key).run()
        ended = datetime.now(UTC).isoformat(timespec="milliseconds")
        canceled = (folder / "canceled").exists()
        write(exit_file(records, key), {"code": code, "canceled": canceled, "ended": ended})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
