"""`fledge.launchers.ranks`: what is heard of the ranks of a node, in which order."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# While the one who listens is asleep rank 0 says something, then rank 1 fails, and rank 0 of it.
_FAIL = """
import os, sys, time
from pathlib import Path
from fledge.launchers.first_failure import FirstFailure
place, rank = Path(os.environ["FLEDGE_RUN_DIR"]), os.environ["RANK"]
def say(line, after, then):
    while not (place / after).exists():
        time.sleep(0.02)
    print(line, flush=True)
    (place / then).touch()
(place / f"up{rank}").touch()
if rank == "0":
    say("begins", "asleep", "begun")
    say("of what broke", "failed", "said")
else:
    say("broke", "begun", "broken")
    FirstFailure(1, "rank 1: \\udcff broke").leave(place)
    (place / "failed").touch()
sys.exit(1)
"""
# Somebody whom it leaves behind holds its output open.
_LEAVES = """
import subprocess
print("whole", flush=True)
print("begun", end="", flush=True)
subprocess.Popen(["sleep", "600"])
"""


def listening(code: str, processes: int) -> "subprocess.Popen[str]":
    ranks = ["-m", "fledge.launchers.ranks", str(processes), "1", "python", "-c", code]
    return subprocess.Popen([sys.executable, *ranks], stdout=subprocess.PIPE, text=True, start_new_session=True)


def until(*paths: Path) -> None:
    while not all(path.exists() for path in paths):
        time.sleep(0.02)


def test_the_first_failure_is_heard_before_what_others_say_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEDGE_RUN_DIR", str(tmp_path))
    with listening(_FAIL, 2) as ranks:
        until(tmp_path / "up0", tmp_path / "up1")
        os.kill(ranks.pid, signal.SIGSTOP)
        (tmp_path / "asleep").touch()
        until(tmp_path / "said")
        os.kill(ranks.pid, signal.SIGCONT)
        said, _ = ranks.communicate()
    *heard, _, last = said.splitlines()
    assert heard == ["[1] broke", "[0] begins", "[0] of what broke"]
    assert last == "rank 1: \\udcff broke"
    assert ranks.returncode == 1


def test_what_a_rank_left_is_heard_though_somebody_else_could_go_on() -> None:
    with listening(_LEAVES, 1) as ranks:
        assert ranks.stdout is not None
        try:
            assert [ranks.stdout.readline() for _ in range(2)] == ["[0] whole\n", "[0] begun\n"]
            assert ranks.wait() == 0
        finally:
            os.killpg(ranks.pid, signal.SIGKILL)
