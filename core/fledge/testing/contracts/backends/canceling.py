"""Canceling: a job is asked to stop, and made to; nothing of it is left."""

import pytest

from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.job import TRY_AGAIN
from fledge.interfaces.state import RunState
from fledge.testing.contracts.backends.jobs import WAITS, Jobs

_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITS
# More than a machine has slots, mostly.
_CROWD = 6
# A checkpoint takes a moment, and says whether it was known by then that a person had asked.
_SAVES = f"""
import os, pathlib, signal, time
run = pathlib.Path(os.environ["FLEDGE_RUN_DIR"])
def save(*_):
    asked = (run / "canceled").exists()
    time.sleep(0.5)
    (run / "outputs" / "checkpoint").write_text("by a person" if asked else "by the machine")
    os._exit({TRY_AGAIN})
signal.signal(signal.SIGTERM, save)
print("up", flush=True)
time.sleep(600)
"""
# What its own processes hold is free again once they are gone, however they went.
_LEAVES = """
import os, subprocess, sys, time
hold = '''
import fcntl, os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
# In one piece: two of them are at it at once.
os.write(1, ("up: " + os.path.basename(sys.argv[1]) + os.linesep).encode())
time.sleep(120)
'''
for name, leads in (("child", False), ("leader", True)):
    held = os.path.join(os.environ["FLEDGE_RUN_DIR"], "outputs", name)
    subprocess.Popen([sys.executable, "-c", hold, held], start_new_session=leads)
time.sleep(600)
"""
_LOOKS = """
import fcntl, os
for name in ("child", "leader"):
    lock = open(os.path.join(os.environ["FLEDGE_RUN_DIR"], "outputs", name), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print("gone:", name)
    except BlockingIOError:
        print("alive:", name)
"""
_ELSEWHERE = """
ended, runs = told
said = b""
while b"up" not in said:
    # What there is by now, which may be less than there was.
    said = b"".join(chunk.data for chunk in backend.logs(runs))
print(backend.status(ended).state, said.decode(), backend.cancel(runs).state)
"""


class Canceling(Jobs):
    @pytest.mark.parametrize("code", [WAITS, _STUBBORN], ids=["at once", "stubborn"])
    def test_canceling_is_idempotent(self, backend: ComputeBackend, code: str) -> None:
        ref = self.start(backend, code)
        self.wait_until_up(backend, ref)
        for _ in range(3):
            assert backend.cancel(ref).state is RunState.CANCELED

    def test_canceling_what_has_ended_changes_nothing(self, backend: ComputeBackend) -> None:
        ref = self.start(backend, "")
        self.log(backend, ref)
        assert backend.cancel(ref).state is RunState.COMPLETED
        assert backend.status(ref).state is RunState.COMPLETED

    def test_a_run_that_waits_can_be_canceled(self, backend: ComputeBackend) -> None:
        refs = [self.start(backend, WAITS, f"run-{number}") for number in range(_CROWD)]
        # Whether it waits for its turn, is being prepared or runs, is its backend's business.
        assert {backend.cancel(ref).state for ref in reversed(refs)} == {RunState.CANCELED}

    def test_a_job_is_asked_and_may_save_before_it_is_killed(self, backend: ComputeBackend) -> None:
        ref = self.start(backend, _SAVES)
        self.wait_until_up(backend, ref)
        assert backend.cancel(ref).state is RunState.CANCELED
        told = self.output(backend, ref, "checkpoint")
        assert told == "by a person", "there is no file `canceled` in FLEDGE_RUN_DIR when SIGTERM comes"

    def test_nothing_that_it_started_outlives_its_cancellation(self, backend: ComputeBackend) -> None:
        ref = self.start(backend, _LEAVES)
        self.wait_until_up(backend, ref, b"up: child", b"up: leader")
        backend.cancel(ref)
        log = self.log(backend, self.start(backend, _LOOKS, "one-2", after=ref)).decode()
        assert "alive" not in log
        assert log.splitlines()[-2:] == ["gone: child", "gone: leader"]

    def test_another_process_can_ask_and_cancel(self, backend: ComputeBackend) -> None:
        ended = self.start(backend, "raise SystemExit(3)", "ended")
        self.log(backend, ended)
        runs = self.start(backend, WAITS, "runs")
        self.wait_until_up(backend, runs)
        told = self.in_another_process(_ELSEWHERE, backend, (ended, runs)).split()
        assert (told[0], *told[-2:]) == ("FAILED", "up", "CANCELED")
        assert backend.status(runs).state is RunState.CANCELED
