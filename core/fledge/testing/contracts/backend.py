"""BackendContract: what every ComputeBackend promises."""

import hashlib
import json
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fledge.interfaces.backend import ComputeBackend, RunRef
from fledge.interfaces.job import TRY_AGAIN, Job, Snapshot, SourceFile
from fledge.interfaces.state import RunState
from fledge.testing.contracts.contract import Contract, files_below

_WAITS = "import time; print('up', flush=True); time.sleep(600)"
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _WAITS
# More than a machine has slots, mostly.
_CROWD = 6
_COUNTS = (
    "import os, signal, sys, pathlib\n"
    "tries = pathlib.Path(os.environ['FLEDGE_RUN_DIR'], 'outputs', 'tries')\n"
    "tries.write_text(tries.read_text() + 'x' if tries.exists() else 'x')\n"
)


class BackendContract(Contract):
    """Held by an offer, or by a fixture `backend` with a home of the test's own."""

    kind = "backend"

    @pytest.fixture
    def backend(self, tmp_path: Path) -> ComputeBackend:
        made: ComputeBackend = self.make(tmp_path / "home")
        return made

    def start(self, backend: ComputeBackend, code: str, key: str = "one", **told: Any) -> RunRef:
        job = Job(name="contract", argv=("python", "-c", code), **told)
        return backend.submit(backend.plan(job), key)

    def log(self, backend: ComputeBackend, ref: RunRef, *, follow: bool = True, cursor: int = 0) -> bytes:
        return b"".join(chunk.data for chunk in backend.logs(ref, cursor, follow=follow))

    def wait_until_up(self, backend: ComputeBackend, ref: RunRef) -> None:
        while b"up" not in self.log(backend, ref, follow=False):
            time.sleep(0.05)

    def test_planning_starts_and_writes_nothing(self, backend: ComputeBackend, tmp_path: Path) -> None:
        job = Job(name="contract", argv=("python", "-c", ""), environment={"COLOUR": "red"})
        assert backend.plan(job) == backend.plan(job)
        assert json.loads(json.dumps(backend.plan(job).body)) == backend.plan(job).body
        assert files_below(tmp_path) == {}

    def test_a_job_has_its_files_and_its_environment(self, backend: ComputeBackend, tmp_path: Path) -> None:
        source = tmp_path / "source.txt"
        source.write_text("from the snapshot")
        snapshot = Snapshot((SourceFile(source, "deep/ü.txt", source.stat().st_size),))
        code = "import os; print(open('deep/ü.txt').read(), open('small.txt').read(), os.environ['COLOUR'])"
        ref = self.start(
            backend, code, snapshot=snapshot, files={"small.txt": "kleiner"}, environment={"COLOUR": "rot"}
        )
        assert self.log(backend, ref).decode().splitlines()[-1] == "from the snapshot kleiner rot"

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
            ("import os; os.abort()", RunState.LOST),
            (f"raise SystemExit({TRY_AGAIN})", RunState.PREEMPTED),
        ],
        ids=["well", "failed", "killed", "aborted", "to be tried again"],
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

    @pytest.mark.parametrize("code", [_WAITS, _STUBBORN], ids=["at once", "stubborn"])
    def test_canceling_is_idempotent(self, backend: ComputeBackend, code: str) -> None:
        ref = self.start(backend, code)
        self.wait_until_up(backend, ref)
        for _ in range(3):
            assert backend.cancel(ref).state is RunState.CANCELED

    def test_canceling_what_has_ended_changes_nothing(self, backend: ComputeBackend) -> None:
        ref = self.start(backend, "")
        self.log(backend, ref)
        assert backend.cancel(ref).state is RunState.COMPLETED

    def test_a_run_that_waits_can_be_canceled(self, backend: ComputeBackend) -> None:
        refs = [self.start(backend, _WAITS, f"run-{number}") for number in range(_CROWD)]
        # Whether it waits for its turn, is being prepared or runs, is its backend's business.
        assert {backend.cancel(ref).state for ref in reversed(refs)} == {RunState.CANCELED}

    def test_a_job_that_was_killed_is_started_again(self, backend: ComputeBackend) -> None:
        code = _COUNTS + "os.kill(os.getpid(), signal.SIGKILL) if tries.read_text() == 'x' else print('again')"
        ref = self.start(backend, code, retries=1)
        log = self.log(backend, ref).decode()
        status = backend.status(ref)
        if status.state is RunState.LOST:
            assert self.output(backend, ref, "tries") == "x", "it was started again, and forgot its folder"
            pytest.skip("it leaves retries to fledge")
        assert status.state is RunState.COMPLETED
        assert log.splitlines()[-1] == "again"
        assert self.output(backend, ref, "tries") == "xx"

    def test_a_submitter_that_is_killed_leaves_a_run_that_can_be_found(self, backend: ComputeBackend) -> None:
        request = backend.plan(Job(name="contract", argv=("python", "-c", "print('survived')")))
        code = "import os, pickle, signal, sys; backend, request = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        code += "backend.submit(request, 'one'); os.kill(os.getpid(), signal.SIGKILL)"
        words = [sys.executable, "-c", code, pickle.dumps((backend, request)).hex()]
        assert subprocess.run(words, capture_output=True, check=False).returncode == -9
        ref = backend.find("one")
        assert ref is not None
        assert self.log(backend, ref).decode().splitlines()[-1] == "survived"
        assert backend.status(ref).state is RunState.COMPLETED

    def test_what_the_caller_has_in_its_environment_is_written_nowhere(
        self, backend: ComputeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secret = "hunter2-" + tmp_path.name
        monkeypatch.setenv("FLEDGE_CONTRACT_TOKEN", secret)
        request = backend.plan(Job(name="contract", argv=("python", "-c", "print('done')")))
        ref = backend.submit(request, "one")
        log = self.log(backend, ref)
        assert secret not in json.dumps([request.body, ref.details])
        assert secret.encode() not in log
        written = [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
        assert written == []

    def test_large_outputs_are_fetched_whole(self, backend: ComputeBackend, tmp_path: Path) -> None:
        code = "import hashlib, os, pathlib\nout = pathlib.Path(os.environ['FLEDGE_RUN_DIR'], 'outputs', 'large')\n"
        code += "data = bytes(range(256)) * 4096 * 100\nout.write_bytes(data); print(hashlib.sha256(data).hexdigest())"
        ref = self.start(backend, code)
        digest = self.log(backend, ref).decode().split()[-1]
        (fetched,) = backend.fetch(ref, "outputs/large", tmp_path / "fetched")
        with fetched.open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == digest

    def test_outputs_are_fetched_whole_and_again(self, backend: ComputeBackend, tmp_path: Path) -> None:
        code = "import os, pathlib\nout = pathlib.Path(os.environ['FLEDGE_RUN_DIR'], 'outputs', 'tief')\n"
        code += "out.mkdir(); (out / 'ü.bin').write_bytes(bytes(range(256)) * 40_000)"
        ref = self.start(backend, code)
        self.log(backend, ref)
        written = []
        for _ in range(2):
            fetched = backend.fetch(ref, "outputs/**/*", tmp_path / "fetched")
            assert [path.relative_to(tmp_path / "fetched").as_posix() for path in fetched] == ["outputs/tief/ü.bin"]
            assert fetched[0].read_bytes() == bytes(range(256)) * 40_000
            written.append(fetched[0].stat().st_mtime_ns)
        assert written[0] == written[1], "what was there already was written again"

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
