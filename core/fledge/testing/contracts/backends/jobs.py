"""Jobs: how the tests of a backend start their jobs, and look at what became of them."""

import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fledge.errors import UsageError
from fledge.interfaces.backend import ComputeBackend, Finding, Request, RunRef
from fledge.interfaces.job import Job
from fledge.testing.chaos import ChaosBackend
from fledge.testing.contracts.contract import Contract

WAITS = "import time; print('up', flush=True); time.sleep(600)"
# Appended to, so that a job that was started twice shows.
COUNTS = (
    "import os, signal, sys, pathlib\n"
    "tries = pathlib.Path(os.environ['FLEDGE_RUN_DIR'], 'outputs', 'tries')\n"
    "with tries.open('a') as file: file.write('x')\n"
)
_ELSEWHERE = "import pickle, sys\nbackend, told = pickle.loads(bytes.fromhex(sys.argv[1]))\n"


class Jobs(Contract):
    """A job is a short Python program. One that a backend refuses to plan (UsageError) does not apply to it."""

    kind = "backend"
    chaos: ClassVar[int | None] = None

    def __init_subclass__(cls, chaos: int | None = None, **told: Any) -> None:
        """`chaos` is the seed of a bad day: the backend is held to everything within a `ChaosBackend`."""
        super().__init_subclass__(**told)
        cls.chaos = cls.chaos if chaos is None else chaos

    @pytest.fixture
    def backend(self, tmp_path: Path) -> ComputeBackend:
        made: ComputeBackend = self.make(tmp_path / "home")
        return made if self.chaos is None else ChaosBackend(made, self.chaos)

    def request(self, backend: ComputeBackend, code: str, **told: Any) -> Request:
        try:
            return backend.plan(Job(name="contract", argv=("python", "-c", code), **told))
        except UsageError as error:
            pytest.skip(f"it runs no such job: {error.message}")

    def start(
        self, backend: ComputeBackend, code: str, key: str = "one", *, after: RunRef | None = None, **told: Any
    ) -> RunRef:
        request = self.request(backend, code, **told)
        backend.stage(request)
        return backend.submit(request, key, after)

    def log(self, backend: ComputeBackend, ref: RunRef, *, follow: bool = True, cursor: int = 0) -> bytes:
        return b"".join(chunk.data for chunk in backend.logs(ref, cursor, follow=follow))

    def wait_until_up(self, backend: ComputeBackend, ref: RunRef, *words: bytes) -> bytes:
        """The log, once all the words are in it."""
        while True:
            # Asked before reading: what it said last is then seen.
            ended = backend.status(ref).state.is_final
            log = self.log(backend, ref, follow=False)
            missing = [word for word in words or (b"up",) if word not in log]
            if not missing:
                return log
            assert not ended, f"it ended without a word of {missing}: {log!r}"
            time.sleep(0.05)

    def output(self, backend: ComputeBackend, ref: RunRef, name: str) -> str:
        found = backend.fetch(ref, f"outputs/{name}", backend.home / "fetched")
        assert found, f"there is no outputs/{name}"
        return found[0].read_text()

    def in_another_process(self, code: str, backend: ComputeBackend, told: Any, *, status: int = 0) -> str:
        """What `code` prints there, where `backend` and `told` are these."""
        words = [sys.executable, "-c", _ELSEWHERE + code, pickle.dumps((backend, told)).hex()]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout


def assert_findings(found: object) -> None:
    """A list of such as `fledge doctor` and `fledge run --check` print, a line each."""
    assert isinstance(found, list)
    for finding in found:
        assert isinstance(finding, Finding)
        assert finding.level in ("ok", "warning", "error")
        assert finding.message.strip()
        assert not [told for told in (finding.message, finding.remedy) if len(told.splitlines()) > 1]
