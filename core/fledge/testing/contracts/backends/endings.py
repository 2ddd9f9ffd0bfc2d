"""Endings: how a job ended, and when, is known to whoever asks."""

import signal
from datetime import datetime, timedelta

import pytest

from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.job import TRY_AGAIN
from fledge.interfaces.state import RunState
from fledge.testing.contracts.backends.jobs import COUNTS, WAITS, Jobs

_SAYS_WHEN = "from datetime import UTC, datetime; print('now', datetime.now(UTC).isoformat(), flush=True)\n"


class Endings(Jobs):
    @pytest.mark.parametrize(
        ("code", "state"),
        [
            ("", RunState.COMPLETED),
            ("raise SystemExit(3)", RunState.FAILED),
            (f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})", RunState.LOST),
            ("import os; os.abort()", RunState.LOST),
            (f"raise SystemExit({TRY_AGAIN})", RunState.PREEMPTED),
        ],
        ids=["well", "failed", "killed", "aborted", "to be tried again"],
    )
    def test_how_it_ended_is_said(self, backend: ComputeBackend, code: str, state: RunState) -> None:
        ref = self.start(backend, code)
        self.log(backend, ref)
        assert backend.status(ref).state is state

    def test_when_it_ended_is_said(self, backend: ComputeBackend) -> None:
        ref = self.start(backend, _SAYS_WHEN + WAITS)
        self.wait_until_up(backend, ref)
        assert backend.status(ref).ended is None, "it has not ended"
        backend.cancel(ref)
        ended = backend.status(ref).ended
        assert backend.status(ref).ended == ended
        if ended is None:
            pytest.skip("it does not know when a run ended")
        told = datetime.fromisoformat(ended)
        assert told.utcoffset() == timedelta(0), f"{ended} is not UTC"
        # By the clock of the machine that runs it, whichever that is.
        log = self.log(backend, self.start(backend, _SAYS_WHEN, "one-2", after=ref)).decode()
        said = [line.removeprefix("now ") for line in log.splitlines() if line.startswith("now ")]
        before, later = map(datetime.fromisoformat, said)
        # Some say it to the second.
        assert before.replace(microsecond=0) <= told <= later

    def test_a_job_that_was_killed_is_started_again(self, backend: ComputeBackend) -> None:
        code = COUNTS + "os.kill(os.getpid(), signal.SIGKILL) if tries.read_text() == 'x' else print('again')"
        ref = self.start(backend, code, retries=1)
        log = self.log(backend, ref).decode()
        status = backend.status(ref)
        if status.state is RunState.LOST:
            assert self.output(backend, ref, "tries") == "x", "it was started again, and forgot its folder"
            pytest.skip("it leaves retries to fledge")
        assert status.state is RunState.COMPLETED
        assert log.splitlines()[-1] == "again"
        assert self.output(backend, ref, "tries") == "xx"
