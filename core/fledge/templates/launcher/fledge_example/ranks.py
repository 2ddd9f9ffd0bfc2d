"""`python -m fledge_example.ranks COUNT GRACE ARGV...`: starts ARGV once a rank and waits for all of them.

Each finds RANK, WORLD_SIZE and RENDEZVOUS (a file to meet at) in its environment. A signal to stop is handed on; once a
rank has failed, the others are told to stop, and killed GRACE seconds later. The exit status is the first failure's.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> int:
    count, grace, argv = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    argv = [sys.executable, *argv[1:]] if argv[0] == "python" else argv
    with tempfile.TemporaryDirectory() as folder:
        shared = os.environ | {"WORLD_SIZE": str(count), "RENDEZVOUS": str(Path(folder, "rendezvous"))}
        ranks: list[subprocess.Popen[bytes]] = []
        stopping = False

        def stop(number: int, _: object) -> None:
            nonlocal stopping
            stopping = True
            for rank in ranks:
                if rank.poll() is None:
                    rank.send_signal(number)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        for rank in range(count):
            # One by one, so that whoever is told to stop meanwhile knows all that there are.
            ranks.append(subprocess.Popen(argv, env=shared | {"RANK": str(rank)}))
            if stopping:
                ranks[-1].terminate()
        code = _wait(ranks, grace)
    return _status(code)


def _wait(ranks: list["subprocess.Popen[bytes]"], grace: float) -> int:
    failure, deadline = 0, float("inf")
    while None in (codes := [rank.poll() for rank in ranks]):
        if not failure and any(codes):
            failure = next(filter(None, codes))
            deadline = time.monotonic() + grace
            for rank in ranks:
                rank.terminate()
        if time.monotonic() > deadline:
            for rank in ranks:
                rank.kill()
        time.sleep(0.02)
    return failure or next(filter(None, codes), 0)


def _status(code: int) -> int:
    if code >= 0:
        return code
    # Killed: end in the same way, so that whoever watches sees what happened.
    signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
    os.kill(os.getpid(), -code)
    return 1


if __name__ == "__main__":
    sys.exit(main())
