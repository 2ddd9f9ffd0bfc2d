"""The local backend through its interface: real processes, real files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from fledge import Job, Resources, RunRef, RunState, Snapshot, SourceFile, UsageError
from fledge_local.backend import Local
from fledge_local.options import LocalOptions

Submit = Callable[..., RunRef]


@pytest.fixture
def backend(tmp_path: Path) -> Local:
    return Local(LocalOptions(slots=2), tmp_path / "home")


@pytest.fixture
def submit(backend: Local) -> Submit:
    def submit(code: str, key: str = "one", **job: object) -> RunRef:
        told = Job(name="test", argv=("python", "-c", code), **job)  # type: ignore[arg-type]  # any field of a Job
        return backend.submit(backend.plan(told), key)

    return submit


def end(backend: Local, ref: RunRef) -> str:
    """The whole log, once the run has ended."""
    return b"".join(chunk.data for chunk in backend.logs(ref, follow=True)).decode()


def test_planning_does_nothing(backend: Local) -> None:
    job = Job(name="test", argv=("python", "python"), environment={"A": "b"})
    body = {"argv": [sys.executable, "python"], "environment": {"A": "b"}, "slots": 2, "retries": 0}
    assert backend.plan(job).body == body
    assert not backend.home.exists()
    with pytest.raises(UsageError, match="asks for 2 nodes"):
        backend.plan(Job(name="test", argv=("python",), resources=Resources(nodes=2)))


def test_a_job_runs_in_its_snapshot_with_its_environment(backend: Local, submit: Submit, tmp_path: Path) -> None:
    source = tmp_path / "x.txt"
    source.write_text("from the snapshot")
    snapshot = Snapshot((SourceFile(source, "deep/ü.txt", 17),))
    code = (
        "import os, sys; print(open('deep/ü.txt').read(), open('small.txt').read(), os.environ['COLOUR'])\n"
        "print(os.environ['FLEDGE_RUN_DIR'], os.environ['FLEDGE_RUN_ID'], repr(sys.stdin.read()))\n"
        "print('and errors', file=sys.stderr)"
    )
    ref = submit(code, snapshot=snapshot, files={"small.txt": "small"}, environment={"COLOUR": "red"})
    folder = backend.home / "runs" / "one"
    assert end(backend, ref).splitlines() == ["from the snapshot small red", f"{folder} one ''", "and errors"]
    assert backend.status(ref).state is RunState.COMPLETED


def test_who_submits_first_comes_first(backend: Local, tmp_path: Path) -> None:
    alone, go, order = Local(LocalOptions(slots=1), backend.home), tmp_path / "go", tmp_path / "order"
    keys = [f"run-{number}" for number in range(6)]
    for key in keys:
        code = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)\n"
        code += f"with open({str(order)!r}, 'a') as order: order.write('{key} ')"
        ref = alone.submit(alone.plan(Job(name="test", argv=("python", "-c", code))), key)
        # By then, and not once its process has begun, which a later one's may do before it.
        assert [path for path in (backend.home / "queue").iterdir() if path.name.endswith(key)]
    go.touch()
    end(alone, ref)
    assert order.read_text().split() == keys


def test_submitting_is_idempotent_by_key(backend: Local, submit: Submit) -> None:
    code = "open('../outputs/started', 'a').write('x')"
    ref = submit(code)
    assert submit(code) == ref
    end(backend, ref)
    assert submit(code) == ref
    assert submit(code, key="two") != ref
    assert (backend.home / "runs" / "one" / "outputs" / "started").read_text() == "x"


@pytest.mark.parametrize(
    ("code", "state", "exit_code", "reason"),
    [
        ("", RunState.COMPLETED, 0, ""),
        ("raise SystemExit(3)", RunState.FAILED, 3, "ended with exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", RunState.LOST, -9, "killed by SIGKILL"),
        ("import os; os.abort()", RunState.LOST, -6, "killed by SIGABRT"),
        ("import os; os.kill(os.getpid(), 40)", RunState.LOST, -40, "killed by signal 40"),
    ],
)
def test_how_it_ended(backend: Local, submit: Submit, code: str, state: RunState, exit_code: int, reason: str) -> None:
    ref = submit(code)
    end(backend, ref)
    status = backend.status(ref)
    assert (status.state, status.exit_code) == (state, exit_code)
    assert reason in status.reason


def test_another_process_sees_the_same(backend: Local, submit: Submit) -> None:
    ref = submit("raise SystemExit(4)")
    end(backend, ref)
    code = (
        "import json, sys; from pathlib import Path\n"
        "from fledge import Options, RunRef; from fledge_local.backend import Local\n"
        "ref = RunRef(**json.loads(sys.argv[1])); print(Local(Options(), Path('/nowhere')).status(ref))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, json.dumps(vars(ref))], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == str(backend.status(ref))


def test_a_program_that_is_not_there(backend: Local) -> None:
    ref = backend.submit(backend.plan(Job(name="test", argv=("/no/such/program",))), "one")
    assert "/no/such/program cannot be started" in end(backend, ref)
    assert backend.status(ref).exit_code == 127


def test_a_log_is_read_from_any_place(backend: Local, submit: Submit) -> None:
    ref = submit("import sys; sys.stdout.write('0123456789' * 300_000)")
    whole = end(backend, ref)
    chunks = list(backend.logs(ref))
    assert len(chunks) > 1
    assert b"".join(chunk.data for chunk in chunks).decode() == whole == "0123456789" * 300_000
    for chunk in chunks:
        rest = b"".join(later.data for later in backend.logs(ref, cursor=chunk.cursor))
        assert rest.decode() == whole[chunk.cursor :]


STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(600)\n"
)


def test_cancelling_stops_everything_even_what_will_not_listen(backend: Local, submit: Submit) -> None:
    ref = submit(STUBBORN)
    child = int(next(chunk.data for chunk in backend.logs(ref, follow=True)))
    for _ in range(2):
        assert backend.cancel(ref).state is RunState.CANCELED
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_cancelling_what_has_ended(backend: Local, submit: Submit) -> None:
    ref = submit("")
    end(backend, ref)
    assert backend.cancel(ref).state is RunState.COMPLETED


def test_a_job_does_not_outlive_its_supervisor(backend: Local, submit: Submit) -> None:
    ref = submit("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    job = psutil.Process(int(next(chunk.data for chunk in backend.logs(ref, follow=True))))
    os.kill(ref.details["pid"], signal.SIGKILL)
    with suppress(psutil.NoSuchProcess):
        while job.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.05)
    assert backend.status(ref).state is RunState.LOST


def test_a_process_of_the_same_number_is_not_the_run(backend: Local, submit: Submit) -> None:
    ref = submit("")
    end(backend, ref)
    (backend.home / "runs" / "one" / "exit.json").unlink()
    for other in ({"pid": os.getpid()}, {"pid": os.getpid(), "boot": "another"}):
        mistaken = RunRef("local", "one", ref.details | other)
        assert backend.status(mistaken).state is RunState.LOST


def test_fetching_copies_what_is_new(backend: Local, submit: Submit, tmp_path: Path) -> None:
    ref = submit(
        "import os; os.mkdir('../outputs/deep'); open('../outputs/deep/a', 'w').write('a'); open('../outputs/b', 'w')"
    )
    end(backend, ref)
    dest = tmp_path / "dest"
    assert backend.fetch(ref, "outputs/**/*", dest) == [dest / "outputs/b", dest / "outputs/deep/a"]
    before = (dest / "outputs/deep/a").stat().st_ino
    (dest / "outputs/b").write_text("spoilt")
    backend.fetch(ref, "outputs/**/*", dest)
    assert (dest / "outputs/deep/a").stat().st_ino == before
    assert (dest / "outputs/b").read_text() == ""
    assert backend.fetch(ref, "nothing*", dest) == []
    with pytest.raises(UsageError, match="does not name files within a run"):
        backend.fetch(ref, "../../*", dest)


def test_a_run_whose_folder_is_gone_is_lost(backend: Local, submit: Submit) -> None:
    ref = submit("")
    end(backend, ref)
    shutil.rmtree(backend.home)
    # Its supervisor needs a moment to be gone after the word it left.
    while not backend.status(ref).state.is_final:
        time.sleep(0.05)
    assert backend.status(ref).state is RunState.LOST
    assert end(backend, ref) == ""
