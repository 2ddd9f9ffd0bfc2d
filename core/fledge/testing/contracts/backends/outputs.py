"""Outputs: what a job writes into its folder is kept, and can be had."""

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fledge.interfaces.backend import ComputeBackend, RunRef
from fledge.testing.contracts.backends.jobs import Jobs

_KEEPS = """
import os, pathlib, time
run = pathlib.Path(os.environ["FLEDGE_RUN_DIR"])
(run / "journal.jsonl").write_text("a line")
(run / "logs" / "own.txt").write_text("a log")
(run / "checkpoints" / "one").mkdir(parents=True)
(run / "checkpoints" / "one" / "weights").write_bytes(b"weights")
print("up", flush=True)
time.sleep(600)
"""
_KEPT = {"journal.jsonl": b"a line", "logs/own.txt": b"a log", "checkpoints/one/weights": b"weights"}
_PATTERNS = ("journal.jsonl", "logs/*", "checkpoints/**/*")
# What a job has written a moment ago may be on its way.
_LOOKS = 300
_AT_ONCE, _TURNS = 4, 4


class Outputs(Jobs):
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

    def test_many_who_fetch_the_same_at_once_all_have_it(self, backend: ComputeBackend, tmp_path: Path) -> None:
        code = "import os, pathlib\nout = pathlib.Path(os.environ['FLEDGE_RUN_DIR'], 'outputs')\n"
        code += "for name in 'ab': (out / name).write_bytes(name.encode() * 1_000_000)"
        ref = self.start(backend, code)
        self.log(backend, ref)
        together = threading.Barrier(_AT_ONCE)

        def fetch(dest: Path) -> list[bytes]:
            together.wait()
            return [path.read_bytes() for path in backend.fetch(ref, "outputs/*", dest)]

        # Who follows a run does so with two threads, and whoever else has the run's folder with others.
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for turn in range(_TURNS):
                dest = tmp_path / str(turn)
                for fetched in threads.map(fetch, [dest] * _AT_ONCE):
                    assert fetched == [name * 1_000_000 for name in (b"a", b"b")]
                left = sorted(path.name for path in dest.rglob("*") if path.is_file())
                assert left == ["a", "b"], "something was left beside them"

    def test_what_it_keeps_can_be_had_while_it_runs_and_afterwards(
        self, backend: ComputeBackend, tmp_path: Path
    ) -> None:
        ref = self.start(backend, _KEEPS)
        self.wait_until_up(backend, ref)
        looks = 0
        while (early := self.kept(backend, ref, tmp_path / "early")) != _KEPT and looks < _LOOKS:
            looks += 1
            time.sleep(0.05)
        assert early == _KEPT
        backend.cancel(ref)
        assert self.kept(backend, ref, tmp_path / "late") == _KEPT

    def kept(self, backend: ComputeBackend, ref: RunRef, dest: Path) -> dict[str, bytes]:
        found = [path for pattern in _PATTERNS for path in backend.fetch(ref, pattern, dest)]
        return {path.relative_to(dest).as_posix(): path.read_bytes() for path in found}
