"""`fledge runs`: looking at runs, and ending them."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Fledge

WRITES = "import fledge; open('outputs/a.txt', 'w').write('12345'); print('hello'); fledge.log(best_val_accuracy=0.5)"
WAITS = "import time; print('waiting', flush=True); time.sleep(600)"


def start(fledge: "Fledge", code: str, *words: str) -> str:
    (fledge.folder / "s.py").write_text(code)
    return fledge("run", "--script", "s.py", "--detach", *words).out.strip()


def wait_for(fledge: "Fledge", run: str, state: str) -> None:
    while fledge("runs", "show", run, "--json").last["state"] != state:
        time.sleep(0.1)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """A folder with two runs, the newer of which is called "second"."""
    fledge = fledge_in(tmp_path_factory.mktemp("runs") / "work")
    fledge("run", "--script", write(fledge, "print('one')"), "--experiment", "first")
    fledge("run", "--script", write(fledge, WRITES), "--experiment", "second")
    return fledge


def write(fledge: "Fledge", code: str) -> str:
    (fledge.folder / "s.py").write_text(code)
    return "s.py"


def ids(fledge: "Fledge") -> list[str]:
    return [line["run"] for line in fledge("runs", "list", "--json").lines]


def test_list_is_newest_first(done: "Fledge") -> None:
    lines = done("runs", "list", "--json").lines
    assert [line["experiment"] for line in lines] == ["second", "first"]
    assert [line["best_val_accuracy"] for line in lines] == [0.5, None]
    assert [line["experiment"] for line in done("runs", "list", "--limit", "1", "--json").lines] == ["second"]
    header, first, *_ = done("runs", "list").out.splitlines()
    assert header.split() == ["run", "experiment", "state", "backend", "created", "best"]
    assert first.split()[1:4] == ["second", "COMPLETED", "local"]


def test_show_logs_and_files(done: "Fledge") -> None:
    newest = ids(done)[0]
    for name in (newest, "latest"):
        assert f"run: {newest}" in done("runs", "show", name).out
    assert done("runs", "logs", newest).out == "[preparing]\n[running]\nhello\n[finalizing]\n[completed]\n"
    assert done("runs", "files", newest, "--json").lines == [{"path": "outputs/a.txt", "size": 5}]


def test_download(done: "Fledge", tmp_path: Path) -> None:
    for _ in range(2):
        assert done("runs", "download", "latest", "-o", tmp_path).out.split() == [str(tmp_path / "outputs/a.txt")]
    assert (tmp_path / "outputs" / "a.txt").read_text() == "12345"
    done("runs", "download", "latest", "*.toml", "-o", tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["spec.toml"]
    assert "has no file that matches 'nothing*'" in done("runs", "download", "latest", "nothing*", status=1).err


def test_on_a_terminal_a_download_says_how_far_it_is(done: "Fledge", tmp_path: Path) -> None:
    ours, its = pty.openpty()
    words = [sys.executable, "-m", "fledge", "runs", "download", "latest", "-o", str(tmp_path)]
    subprocess.run(words, cwd=done.folder, env=done.environment, stdout=subprocess.PIPE, stderr=its, check=True)
    assert b"copying: 0 of 1 files" in os.read(ours, 1000)
    os.close(ours)
    os.close(its)


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../*", "outputs/../../x", ""])
def test_download_stays_within_the_run(done: "Fledge", tmp_path: Path, pattern: str) -> None:
    told = done("runs", "download", "latest", pattern, "-o", tmp_path, status=2).err
    assert "does not name files within a run" in told
    assert not list(tmp_path.iterdir())


def test_names_begin_as_they_like_and_must_be_clear(done: "Fledge") -> None:
    newer, older = ids(done)
    first_difference = next(at for at, (a, b) in enumerate(zip(newer, older, strict=True)) if a != b)
    common, unique = newer[:first_difference], newer[: first_difference + 1]
    assert done("runs", "show", unique, "--json").last["run"] == newer
    ambiguous = done("runs", "show", common, status=2).err
    assert f"2 runs begin so: {older}, {newer}" in ambiguous
    unknown = done("runs", "logs", "1999", status=2).err
    assert "there is no run named '1999'" in unknown
    assert f"the newest is {newer}" in unknown


def test_there_is_no_latest_of_none(fledge: "Fledge") -> None:
    assert "there is none yet" in fledge("runs", "show", "latest", status=2).err
    assert fledge("runs", "list", "--json").out == ""


def test_a_detached_run_goes_on_and_its_log_is_followed_to_the_end(fledge: "Fledge") -> None:
    code = "import pathlib, time\nprint('begun', flush=True)\n"
    code += "while not pathlib.Path('outputs/go').exists(): time.sleep(0.05)\nprint('ended')\n"
    run = start(fledge, code)
    assert run == ids(fledge)[0]
    follower = fledge.start("runs", "logs", run, "--follow")
    assert follower.stdout is not None
    while follower.stdout.readline() != "begun\n":
        assert follower.poll() is None
    (fledge.home / "runs" / run / "outputs" / "go").touch()
    rest, _ = follower.communicate()
    assert rest == "ended\n[finalizing]\n[completed]\n"
    assert fledge("runs", "show", run, "--json").last["state"] == "COMPLETED"


def test_an_interrupted_follower_leaves_the_run_alone(fledge: "Fledge") -> None:
    run = start(fledge, WAITS)
    follower = fledge.start("runs", "logs", run, "--follow")
    assert follower.stdout is not None
    while follower.stdout.readline() != "waiting\n":
        assert follower.poll() is None
    follower.send_signal(signal.SIGINT)
    _, err = follower.communicate()
    assert follower.returncode == 130
    assert "Traceback" not in err
    assert fledge("runs", "show", run, "--json").last["state"] == "RUNNING"
    # And cancelling it is idempotent, here by the beginning of its name.
    for _ in range(2):
        assert fledge("runs", "cancel", run[:12], "--json").last == {"run": run, "state": "CANCELED"}


def test_cancelling_what_has_ended_changes_nothing(done: "Fledge") -> None:
    assert done("runs", "cancel", "latest", "--json").last["state"] == "COMPLETED"


def test_a_run_whose_processes_were_killed_is_lost(fledge: "Fledge") -> None:
    run = start(fledge, WAITS)
    wait_for(fledge, run, "RUNNING")
    os.killpg(fledge("runs", "show", run, "--json").last["pid"], signal.SIGKILL)
    wait_for(fledge, run, "LOST")
    told = fledge("runs", "show", run, "--json").last
    assert told["error"] == "its process is gone and left no word of how it ended"
    assert told["ended"] is not None
    assert fledge("runs", "list", "--json").last["state"] == "LOST"


def test_a_home_that_cannot_be_written(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").touch()
    (fledge.folder / "taken").write_text("a file")
    told = fledge("run", "--script", "s.py", status=1, FLEDGE_HOME="taken").err
    assert f"runs cannot be kept in {fledge.folder / 'taken'}: Not a directory" in told
    assert "FLEDGE_HOME=DIR" in told


def test_a_detached_run_cannot_be_registered(fledge: "Fledge") -> None:
    words = ("run", "--dataset", "dots", "--model", "tiny", "--set", "register=x", "--detach")
    assert "fledge models register RUN" in fledge(*words, status=2).err
    assert not fledge.home.exists()


def test_one_damaged_run_does_not_hide_the_others(
    done: "Fledge", fledge_in: "Callable[[Path], Fledge]", tmp_path: Path
) -> None:
    fledge = fledge_in(tmp_path / "damaged")
    shutil.copytree(done.home, fledge.home)
    told = fledge("runs", "list", "--json", FLEDGE_DISABLE_PLUGINS="local")
    # What has ended needs no backend any more to be listed.
    assert [line["state"] for line in told.lines] == ["COMPLETED", "COMPLETED"]
    assert told.err == ""
    (fledge.home / "runs" / ids(fledge)[1] / "state.json").write_text("{")
    told = fledge("runs", "list", "--json")
    assert [line["experiment"] for line in told.lines] == ["second"]
    assert "state.json cannot be read" in told.err
    (fledge.home / "runs" / told.last["run"] / "plan.json").unlink()
    assert "plan.json cannot be read" in fledge("runs", "show", "latest", status=1).err


def test_a_reader_that_leaves_early_is_no_error(done: "Fledge") -> None:
    command = "python -m fledge runs list | head -c 1; exit ${PIPESTATUS[0]}"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ended = subprocess.run(
        ["bash", "-c", command], cwd=done.folder, env=done.environment | {"PATH": path}, capture_output=True, text=True
    )
    assert ended.stderr == ""
    assert ended.returncode == 0
