"""The backend that `fledge plugins new` writes, where its contract does not look: two at once, and kills in between."""

import fcntl
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from fledge import ComputeBackend, Job, Request, RunRef, RunState

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

# What befalls a submitter: it is killed before its runner is written down, or behind that; or its runner, once
# that is written down, is told to stop.
_BEFORE = """
class Killed(subprocess.Popen):
    def __init__(self, *words, **told):
        super().__init__(*words, **told)
        os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen = Killed
"""
_BEHIND = """
def hear(event, told):
    if event == "open" and list(backend.home.rglob("ref.json")):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hear)
"""
_STOPPED = """
heard = []
def hear(event, told):
    if event == "open" and not heard and (found := list(backend.home.rglob("ref.json"))):
        heard.append(event)
        os.kill(json.loads(found[0].read_text())["details"]["pid"], signal.SIGTERM)
sys.addaudithook(hear)
"""
_SUBMITS = (
    "import json, os, pickle, signal, subprocess, sys\nbackend, request = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
)
_SLEEPS = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def lamp(
    tmp_path_factory: pytest.TempPathFactory,
    fledge_in: "Callable[[Path], Fledge]",
    install: Callable[[Path], Path],
) -> Path:
    """The folder in which the new backend `lamp` is installed."""
    fledge = fledge_in(tmp_path_factory.mktemp("new") / "work")
    fledge("plugins", "new", "backend", "lamp")
    return install(fledge.folder / "lamp")


@pytest.fixture
def backend(lamp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ComputeBackend]:
    monkeypatch.syspath_prepend(lamp)
    monkeypatch.setenv("PYTHONPATH", str(lamp), prepend=os.pathsep)
    made: ComputeBackend = import_module("fledge_lamp.backend").Lamp(
        import_module("fledge_lamp.options").LampOptions(grace=1), tmp_path / "home"
    )
    yield made
    for process in of(made):
        with suppress(psutil.Error):
            process.kill()


def request_for(backend: ComputeBackend, code: str) -> Request:
    return backend.plan(Job(name="test", argv=("python", "-c", code)))


def log(backend: ComputeBackend, ref: RunRef, *, follow: bool = True) -> str:
    return b"".join(chunk.data for chunk in backend.logs(ref, follow=follow)).decode()


def until_up(backend: ComputeBackend, ref: RunRef) -> None:
    while "up" not in log(backend, ref, follow=False):
        time.sleep(0.02)


def of(backend: ComputeBackend) -> list[psutil.Process]:
    """The living processes of all its runs."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("FLEDGE_HOME") == str(backend.home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def until_nobody_runs(backend: ComputeBackend) -> None:
    while of(backend):
        time.sleep(0.02)


def submit(backend: ComputeBackend, request: Request, what_befalls: str) -> int:
    """The exit code of a process that submits it, as `one`."""
    code = f"{_SUBMITS}{what_befalls}backend.submit(request, 'one')"
    return subprocess.run([sys.executable, "-c", code, pickle.dumps((backend, request)).hex()]).returncode


def test_submitters_of_one_key_at_once_start_one_job(backend: ComputeBackend) -> None:
    code = "print(len(open('large.txt').read()))"
    request = backend.plan(Job(name="test", argv=("python", "-c", code), files={"large.txt": "x" * 5_000_000}))
    for key in ("one", "two", "three"):
        with ThreadPoolExecutor(8) as pool:
            refs = [done.result() for done in [pool.submit(backend.submit, request, key) for _ in range(8)]]
        assert refs == [refs[0]] * 8
        assert log(backend, refs[0]) == "5000000\n"


@pytest.mark.parametrize("befalls", [_BEFORE, _BEHIND], ids=["before its reference", "behind it"])
def test_a_submitter_that_is_killed_before_it_says_go_leaves_no_run(backend: ComputeBackend, befalls: str) -> None:
    request = request_for(backend, "print('begun')")
    assert submit(backend, request, befalls) == -signal.SIGKILL
    assert backend.find("one") is None
    until_nobody_runs(backend)
    assert log(backend, backend.submit(request, "one")) == "begun\n"


def test_a_program_that_is_not_there_is_named_in_the_log(fledge: "Fledge", give: "Give", lamp: Path) -> None:
    code = """
        from fledge import Launcher, Offer, hookimpl
        @hookimpl
        def fledge_launchers(): return [Offer("crowd", "crowd:Crowd")]
        class Crowd(Launcher):
            def command(self, argv, resources): return ("no-such-mpirun", *argv)
            def group(self): raise NotImplementedError
    """
    give("crowd", code)
    fledge.environment["PYTHONPATH"] += f":{lamp}"
    (fledge.folder / "s.py").touch()
    done = fledge("run", "--script", "s.py", "--launcher", "crowd", "--backend", "lamp", "--json", status=1)
    assert done.last["state"] == "FAILED"
    assert "no-such-mpirun cannot be started: " in fledge("runs", "logs", done.last["run"]).out


def test_whoever_can_be_found_can_be_told_to_stop(backend: ComputeBackend) -> None:
    assert submit(backend, request_for(backend, "print('begun')"), _STOPPED) == os.EX_OK
    ref = backend.find("one")
    assert ref is not None
    assert (log(backend, ref), backend.status(ref).state) == ("", RunState.PREEMPTED)


def test_who_asks_at_the_same_time_is_not_taken_for_the_runner(backend: ComputeBackend) -> None:
    ref = backend.submit(request_for(backend, ""), "one")
    log(backend, ref)
    until_nobody_runs(backend)
    for word in backend.home.rglob("exit.json"):
        word.unlink()
    (held,) = backend.home.rglob("runner.lock")
    with held.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert backend.status(ref).state is RunState.LOST


def test_canceling_an_earlier_submission_stops_nobody_else(backend: ComputeBackend) -> None:
    first = backend.submit(request_for(backend, ""), "one")
    log(backend, first)
    second = backend.submit(request_for(backend, _SLEEPS), "one-2", after=first)
    until_up(backend, second)
    # Though it were asked to at the moment in which the first ended, or its number were another's by now.
    backend._cancel(first)
    assert backend.cancel(first).state is RunState.COMPLETED
    assert backend.status(second).state is RunState.RUNNING
    with subprocess.Popen([sys.executable, "-c", _SLEEPS], stdout=subprocess.DEVNULL) as stranger:
        stale = replace(second, details=second.details | {"pid": stranger.pid})
        assert backend.cancel(stale).state is RunState.CANCELED
        assert stranger.poll() is None
        stranger.kill()
    assert backend.status(first).state is RunState.COMPLETED


def test_what_is_canceled_is_gone_with_all_that_it_had_started(backend: ComputeBackend) -> None:
    child = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    ref = backend.submit(request_for(backend, code), "one")
    until_up(backend, ref)
    assert backend.cancel(ref).state is RunState.CANCELED
    assert [process.pid for process in of(backend) if process.pid != ref.details["pid"]] == []
