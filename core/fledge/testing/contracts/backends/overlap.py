"""Overlap: runs that live at the same time, and know nothing of each other."""

import time
from pathlib import Path

import pytest

from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.job import TRY_AGAIN
from fledge.interfaces.state import RunState
from fledge.testing.contracts.backends.jobs import Jobs

# Until it is told to stop, and so for as long as whoever watches needs to see the other.
_LIVES = """
import os, pathlib, signal, time
def stop(*_):
    print("NAME down", flush=True)
    os._exit(STATUS)
signal.signal(signal.SIGTERM, stop)
pathlib.Path(os.environ["FLEDGE_RUN_DIR"], "outputs", "NAME").write_text("NAME")
print("NAME up", flush=True)
while True:
    time.sleep(600)
"""
_LOOKS = 600
# For two that have begun, on a machine that is busy.
_MORE_LOOKS = 1200


class Overlap(Jobs):
    def test_two_runs_at_once_keep_apart(self, backend: ComputeBackend, tmp_path: Path) -> None:
        names = ("one", "two")
        code = _LIVES.replace("STATUS", str(TRY_AGAIN))
        one, two = refs = [self.start(backend, code.replace("NAME", name), f"run-{name}") for name in names]
        looks = 0
        while not all(b"up" in self.log(backend, ref, follow=False) for ref in refs):
            looks += 1
            if looks > _LOOKS:
                waits = any(backend.status(ref).state is RunState.QUEUED for ref in refs)
                if waits or looks > _MORE_LOOKS:
                    for ref in reversed(refs):
                        backend.cancel(ref)
                    assert waits, "neither waits for its turn, and one of them says nothing"
                    pytest.skip("it runs one job at a time")
            time.sleep(0.05)
        assert backend.cancel(one).state is RunState.CANCELED
        assert backend.status(two).state is RunState.RUNNING, "it was not the one that was canceled"
        assert backend.cancel(two).state is RunState.CANCELED
        for name, ref in zip(names, refs, strict=True):
            lines = [line for line in self.log(backend, ref).decode().splitlines() if line.startswith(names)]
            assert lines == [f"{name} up", f"{name} down"]
            found = backend.fetch(ref, "outputs/**/*", tmp_path / name)
            assert {path.name: path.read_text() for path in found} == {name: name}
