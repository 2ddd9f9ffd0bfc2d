"""BackendContract: what every ComputeBackend promises."""

import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fledge.interfaces.backend import ComputeBackend, RunRef
from fledge.interfaces.job import TRY_AGAIN, Job
from fledge.interfaces.state import RunState

_WAITS = "import time; print('up', flush=True); time.sleep(600)"
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _WAITS
_COUNTS = (
    "import os, signal, sys, pathlib\n"
    "tries = pathlib.Path(os.environ['FLEDGE_RUN_DIR'], 'outputs', 'tries')\n"
    "tries.write_text(tries.read_text() + 'x' if tries.exists() else 'x')\n"
)


class BackendContract:
    """Subclass it in a test file and give it a fixture `backend`: a ComputeBackend with a home of the test's own."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[ComputeBackend]:
        raise NotImplementedError("the test class needs a fixture `backend` that returns the backend under test")

    def start(self, backend: ComputeBackend, code: str, key: str = "one", retries: int = 0) -> RunRef:
        job = Job(name="contract", argv=("python", "-c", code), retries=retries)
        return backend.submit(backend.plan(job), key)

    def log(self, backend: ComputeBackend, ref: RunRef, *, follow: bool = True, cursor: int = 0) -> bytes:
        return b"".join(chunk.data for chunk in backend.logs(ref, cursor, follow=follow))

    def wait_until_up(self, backend: ComputeBackend, ref: RunRef) -> None:
        while b"up" not in self.log(backend, ref, follow=False):
            time.sleep(0.05)

    def test_submitting_is_idempotent_by_key(self, backend: ComputeBackend) -> None:
        assert backend.find("one") is None
        first = self.start(backend, _COUNTS)
        self.log(backend, first)
        assert self.start(backend, _COUNTS) == first
        assert backend.find("one") == first
        assert backend.find("two") is None
        self.log(backend, first)
        assert self.output(backend, first, "tries") == "x"

    @pytest.mark.parametrize(
        ("code", "state"),
        [
            ("", RunState.COMPLETED),
            ("raise SystemExit(3)", RunState.FAILED),
            ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", RunState.LOST),
            (f"raise SystemExit({TRY_AGAIN})", RunState.PREEMPTED),
        ],
    )
    def test_how_it_ended_is_said_in_any_process(self, backend: ComputeBackend, code: str, state: RunState) -> None:
        ref = self.start(backend, code)
        self.log(backend, ref)
        assert backend.status(ref).state is state
        ask = "import pickle, sys; backend, ref = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        ask += "print(backend.status(ref).state)"
        words = [sys.executable, "-c", ask, pickle.dumps((backend, ref)).hex()]
        assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == state

    def test_logs_are_complete_and_in_order_from_any_cursor(self, backend: ComputeBackend) -> None:
        ref = self.start(backend, "import sys, time\nfor n in range(300): print('zeile', n, 'ü', flush=True)")
        whole = "".join(f"zeile {n} ü\n" for n in range(300)).encode()
        assert self.log(backend, ref) == whole
        assert self.log(backend, ref, follow=False) == whole
        chunks = list(backend.logs(ref))
        for chunk in chunks[:: max(1, len(chunks) // 5)]:
            assert self.log(backend, ref, cursor=chunk.cursor) == whole[chunk.cursor :]

    @pytest.mark.parametrize("code", [_WAITS, _STUBBORN])
    def test_canceling_is_idempotent(self, backend: ComputeBackend, code: str) -> None:
        ref = self.start(backend, code)
        self.wait_until_up(backend, ref)
        for _ in range(3):
            assert backend.cancel(ref).state is RunState.CANCELED

    def test_canceling_what_has_ended_changes_nothing(self, backend: ComputeBackend) -> None:
        ref = self.start(backend, "")
        self.log(backend, ref)
        assert backend.cancel(ref).state is RunState.COMPLETED

    def test_outputs_are_fetched_whole_and_again(self, backend: ComputeBackend, tmp_path: Path) -> None:
        code = "import os, pathlib\nout = pathlib.Path(os.environ['FLEDGE_RUN_DIR'], 'outputs', 'tief')\n"
        code += "out.mkdir(); (out / 'ü.bin').write_bytes(bytes(range(256)) * 40_000)"
        ref = self.start(backend, code)
        self.log(backend, ref)
        for _ in range(2):
            fetched = backend.fetch(ref, "outputs/**/*", tmp_path / "fetched")
            assert [path.relative_to(tmp_path / "fetched").as_posix() for path in fetched] == ["outputs/tief/ü.bin"]
            assert fetched[0].read_bytes() == bytes(range(256)) * 40_000

    def test_a_later_submission_goes_on_where_the_first_ended(self, backend: ComputeBackend) -> None:
        first = self.start(backend, _COUNTS + "print('first')")
        self.log(backend, first)
        request = backend.plan(Job(name="contract", argv=("python", "-c", _COUNTS + "print('second')")))
        second = backend.submit(request, "one-2", after=first)
        assert backend.submit(request, "one-2", after=first) == second
        assert self.log(backend, second).decode().splitlines()[-1] == "second"
        assert backend.status(second).state is RunState.COMPLETED
        assert self.output(backend, second, "tries") == "xx"

    def test_two_runs_at_once_keep_apart(self, backend: ComputeBackend) -> None:
        refs = [self.start(backend, f"print({number})", f"run-{number}") for number in range(2)]
        assert [self.log(backend, ref).decode().splitlines()[-1] for ref in refs] == ["0", "1"]

    def output(self, backend: ComputeBackend, ref: RunRef, name: str) -> str:
        dest = backend.home / "fetched"
        backend.fetch(ref, f"outputs/{name}", dest)
        return (dest / "outputs" / name).read_text()
