"""`python runner.py FOLDER KEY`: runs one job in its folder, and outlives whoever started it.

It holds FOLDER/runner.lock for as long as it lives: that is how others see that it does. FOLDER/job.json says what to
run; ref.json, which it writes before it starts that, makes it the one that runs KEY; exit.json is its last word.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(folder: Path, key: str) -> None:
    with (folder / "runner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if read(folder / "ref.json").get("key") == key:
            # Another was submitted under the key before.
            return
        told = read(folder / "job.json")
        for left in ("exit.json", "canceled"):
            (folder / left).unlink(missing_ok=True)
        write(folder / "ref.json", {"key": key, "pid": os.getpid()})
        with (folder / "log.txt").open("ab") as log:
            write(folder / "exit.json", {"code": _run(told, folder, log)})


def _run(told: dict[str, Any], folder: Path, log: Any) -> int:
    job: subprocess.Popen[bytes] | None = None
    stopping = False

    def stop(number: int, _: object) -> None:
        nonlocal stopping
        stopping = True
        if job is not None:
            job.send_signal(signal.SIGTERM)
            signal.alarm(max(1, round(told["grace"])))

    def kill(number: int, _: object) -> None:
        if job is not None:
            job.kill()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, kill)
    for _ in range(told["retries"] + 1):
        job = subprocess.Popen(told["argv"], cwd=folder / "code", stdin=-3, stdout=log, stderr=log)
        if stopping:
            # Told between the loop's head and here.
            stop(signal.SIGTERM, None)
        code = job.wait()
        if stopping or not (code < 0 or code == told["try_again"]):
            break
    return code


def read(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return told


def write(path: Path, told: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(told))
    temporary.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
    # What the job has left behind must not outlive the run: all of it is in this process's group.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
