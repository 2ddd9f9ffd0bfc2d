"""ServerTrouble: what becomes of a run whose tracker has a server that is dead, or dumb."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fledge.interfaces.tracker import Tracker
from fledge.plan.make import to_toml
from fledge.testing.contracts.contract import Contract
from fledge.testing.contracts.silent_server import SilentServer

# Port 1 is nobody's.
_NOBODY = "http://127.0.0.1:1"
# It goes on once the server was called, which then says nothing: whoever waits for an answer does not get here.
_WORKS = """
import sys, time
from pathlib import Path
import fledge
fledge.log(score=0.5)
while not Path(sys.argv[1]).exists():
    time.sleep(0.02)
fledge.log(score=0.75)
Path(sys.argv[2]).touch()
"""
_ENDS = """
import threading
from pathlib import Path
from fledge import RunInfo
from fledge.worker.leave import leave
kind, options = make()
tracker = kind(options)
def tell():
    tracker.start(RunInfo("run-1", "contract", {}, Path(sys.argv[1])))
    tracker.record(json.loads(sys.argv[2]))
    tracker.finish("COMPLETED")
threading.Thread(target=tell, daemon=True).start()
sys.stdin.readline()
leave(0)
"""
_MAKES = "kind, options = make(); kind(options)\n"
_EVENT = {"time": "2026-01-01T00:00:00.000+00:00", "event": "metrics", "epoch": 1, "values": {"loss": 0.5}}


class ServerTrouble(Contract):
    """patience_seconds is how long something may take that no server is needed for, before it counts as held up."""

    kind = "tracker"
    patience_seconds: ClassVar[float] = 180.0

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "work"
        folder.mkdir()
        monkeypatch.chdir(folder)
        return folder

    def reaching(self, url: str) -> Mapping[str, Any]:
        """The options with which it turns to a server at `url`. Skips the test of a tracker that has none."""
        self.needs_an_offer()
        kind: type[Tracker] = self.implementation()
        if kind.server_option is None:
            pytest.skip("it names no `server_option`, so it has no server")
        return {**self.told, kind.server_option: url}

    def test_making_one_calls_no_server(self) -> None:
        with SilentServer() as server, started(self.process(_MAKES, self.reaching(server.url))) as process:
            self.wait_for(server.called.is_set, process)
            assert not server.called.is_set(), "its server was called before there was anything to tell"

    def test_a_run_completes_though_its_server_refuses(self, folder: Path) -> None:
        with self.running(folder, "print('done')", self.reaching(_NOBODY)) as run:
            out, err = run.communicate()
        assert run.returncode == 0, err
        assert json.loads(out.splitlines()[-1])["state"] == "COMPLETED"
        # It is told, and not hidden: once what it is, and once how to send what is missing.
        assert f"tracker {self.offer!r}" in err
        assert err.count("cannot be told") == 1, err
        assert err.count("fledge runs sync") == 1, err
        # Whoever raises is tried again.
        assert "told by a process that died" not in err, f"it has ended its process: {err}"

    def test_a_run_does_its_work_though_its_server_never_answers(self, folder: Path) -> None:
        called, worked = folder / "called", folder / "worked"
        with SilentServer() as server:
            options = self.reaching(server.url)
            with self.running(folder, _WORKS, options, str(called), str(worked)) as run:
                self.wait_for(server.called.is_set, run)
                was_called = server.called.is_set()
                called.touch()
                self.wait_for(worked.exists, run)
                has_worked = worked.exists()
                # Not before: what was done until here was done without a word from it.
                server.let_go()
                out, err = run.communicate()
        assert was_called, f"it never turned to its server: {err}"
        assert has_worked, "the run waited for its tracker's server"
        assert run.returncode == 0, err
        assert json.loads(out.splitlines()[-1])["state"] == "COMPLETED"

    def test_a_process_ends_though_its_server_never_answers(self, folder: Path) -> None:
        with SilentServer() as server:
            command = [*self.process(_ENDS, self.reaching(server.url)), str(folder), json.dumps([_EVENT])]
            with started(command) as process:
                self.wait_for(server.called.is_set, process)
                was_called = server.called.is_set()
                assert process.stdin is not None
                with suppress(BrokenPipeError):
                    process.stdin.write("\n")
                    process.stdin.flush()
                self.wait_for(lambda: False, process)
                status = process.poll()
                process.kill()
                _, err = process.communicate()
        assert was_called, f"it never turned to its server: {err}"
        assert status == 0, f"its process cannot end while its server says nothing: {err}"

    def wait_for(self, happened: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
        """Until it has happened, or cannot any more because the process has ended, or patience is at its end."""
        deadline = time.monotonic() + self.patience_seconds
        while not happened() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)

    def running(
        self, folder: Path, code: str, options: Mapping[str, Any], *words: str
    ) -> AbstractContextManager["subprocess.Popen[str]"]:
        """`fledge run` of the code, with the tracker so told."""
        (folder / "source").mkdir()
        (folder / "source" / "script.py").write_text(code)
        told = json.loads(
            json.dumps({name: value for name, value in options.items() if value is not None}, default=str)
        )
        script = {"source": "source", "path": "script.py", "args": list(words)}
        (folder / "spec.toml").write_text(to_toml({"script": script, "trackers": {self._named(): told}}))
        return started([sys.executable, "-m", "fledge", "run", "spec.toml", "--json"], FLEDGE_HOME=str(folder / "home"))


@contextmanager
def started(command: Sequence[str], **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Killed, should the context be left before it has ended."""
    pipe = subprocess.PIPE
    told = os.environ | environment
    with subprocess.Popen(command, env=told, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
