"""Runs that wait, that are looked at from all sides, whose disk is full or whose folder is gone."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from fledge.runs.journal import events

from tests.long_run import SLOW, shown, state_file, strays, supervisor, until, wait_for, words
from tests.small_disk import small_disk

if TYPE_CHECKING:
    from tests.conftest import Fledge


def test_a_queue_in_which_all_come_to_their_turn(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("import time; time.sleep(4)")
    runs = [fledge("run", "--script", "s.py", "--detach", "--set", "backend.slots=2").out.strip() for _ in range(8)]
    waiting = [shown(fledge, run)["state"] for run in runs]
    while any(state_file(fledge, run) != "COMPLETED" for run in runs):
        lines = fledge("runs", "list", "--json").lines
        assert sum(line["state"] in ("PREPARING", "RUNNING", "FINALIZING") for line in lines) <= 2
        waiting += [line["state"] for line in lines]
    assert "QUEUED" in waiting
    started = [shown(fledge, run)["started"] for run in runs]
    # Two whose turn has come begin side by side, and either may be the quicker.
    assert all(before < after for before, after in zip(started, started[2:], strict=False))


def test_a_queued_run_can_be_canceled_before_its_turn(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("import time; time.sleep(600)")
    first, second = (
        fledge("run", "--script", "s.py", "--detach", "--set", "backend.slots=1").out.strip() for _ in range(2)
    )
    assert until(fledge, second, "QUEUED")
    assert fledge("runs", "cancel", second, "--json").last["state"] == "CANCELED"
    assert fledge("runs", "cancel", first, "--json").last["state"] == "CANCELED"


def test_many_commands_at_once_agree(fledge: "Fledge") -> None:
    run = fledge(*words("training.epochs=100000"), "--detach").out.strip()
    wait_for(fledge, run, "metrics")
    os.killpg(supervisor(fledge, run), signal.SIGKILL)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: fledge("runs", "resume", run, "--detach", status=None), range(6)))
    assert sorted(one.status for one in told) == [0, 1, 1, 1, 1, 1]
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: fledge("runs", "cancel", run, "--json").last["state"], range(6)))
    assert set(states) == {"CANCELED"}
    assert shown(fledge, run)["submissions"] == 2


def test_a_run_whose_folder_is_removed_ends(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("")
    done = fledge("run", "--script", "s.py", "--json").last
    run = fledge(*words("training.epochs=100000"), "--detach").out.strip()
    wait_for(fledge, run, "metrics")
    # A living run may write between the removal of its files and that of their folder.
    while (fledge.home / "runs" / run).exists():
        shutil.rmtree(fledge.home / "runs" / run, ignore_errors=True)
    while strays(fledge, run):
        time.sleep(0.1)
    assert not (fledge.home / "runs" / run).exists()
    assert [line["run"] for line in fledge("runs", "list", "--json").lines] == [done["run"]]
    assert "there is no run named" in fledge("runs", "show", run, status=2).err


def test_an_edited_spec_is_not_what_a_run_resumes_with(fledge: "Fledge", peaceful: str) -> None:
    run = fledge(*words(SLOW), "--detach").out.strip()
    wait_for(fledge, run, "checkpoint", 3)
    fledge("runs", "cancel", run)
    spec = fledge.home / "runs" / run / "spec.toml"
    spec.write_text(spec.read_text().replace("epochs = 6", "epochs = 7"))
    refused = fledge("runs", "resume", run, status=1).err
    assert "was changed since the run was submitted" in refused
    assert shown(fledge, run)["spec"]["training"]["epochs"] == 6
    spec.unlink()
    assert fledge("runs", "resume", run, "--json").last["weights_sha256"] == peaceful


def test_a_run_is_deleted_once_it_has_ended(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("import time; time.sleep(600)")
    run = fledge("run", "--script", "s.py", "--detach").out.strip()
    assert f"first: fledge runs cancel {run}" in fledge("runs", "delete", run, status=1).err
    fledge("runs", "cancel", run)
    assert fledge("runs", "delete", run, "--json").last == {"run": run, "deleted": True}
    assert fledge("runs", "list", "--json").out == ""
    assert not list((fledge.home / "runs").iterdir())


def test_a_clock_that_goes_back_changes_no_order(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("")
    first = fledge("run", "--script", "s.py", "--json").last["run"]
    (fledge.home / "runs" / first).rename(fledge.home / "runs" / f"2099{first[4:]}")
    second = fledge("run", "--script", "s.py", "--json").last["run"]
    assert second > f"2099{first[4:]}"
    assert fledge("runs", "show", "latest", "--json").last["run"] == second


def test_a_million_lines_are_followed_in_little_memory(fledge: "Fledge") -> None:
    code = "import sys\nfor part in range(100):\n"
    code += " sys.stdout.write(''.join(f'line {part}-{n}\\n' for n in range(10_000)))\n"
    (fledge.folder / "s.py").write_text(code)
    run = fledge("run", "--script", "s.py", "--detach").out.strip()
    follow = (
        "import resource, subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-m', 'fledge', 'runs', 'logs', '-f', sys.argv[1]], stdout=-1)\n"
        "print(sum(1 for _ in p.stdout), p.wait(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", follow, run], cwd=fledge.folder, env=fledge.environment, capture_output=True, text=True
    )
    lines, status, megabytes = map(int, told.stdout.split())
    assert (lines, status) == (1_000_004, 0)
    assert megabytes < 150
    # From a cursor on, and no byte twice.
    end = fledge("runs", "logs", run, "--json").last
    assert end["line"] == "[completed]"
    assert fledge("runs", "logs", run, "--cursor", str(end["cursor"]), "--json").out == ""


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", "700k") as folder:
        yield folder


@pytest.mark.cold
def test_a_full_disk_fails_the_run_and_leaves_it_resumable(fledge: "Fledge", peaceful: str, full_disk: Path) -> None:
    run = fledge(*words(SLOW), "--detach", FLEDGE_HOME=str(full_disk)).out.strip()
    folder = full_disk / "runs" / run
    while sum(one["event"] == "checkpoint" for one in events(folder)) < 3:
        time.sleep(0.02)
    # Held meanwhile, lest it be done before the disk is full.
    worker = psutil.Process(json.loads((folder / "running.json").read_text())["pid"])
    worker.suspend()
    with suppress(OSError), (full_disk / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(1024)):
            pass
    worker.resume()
    while (told := fledge("runs", "show", run, "--json", FLEDGE_HOME=str(full_disk)).last)["ended"] is None:
        time.sleep(0.1)
    assert told["state"] == "FAILED"
    assert "No space left on device" in told["error"]
    assert "Traceback" not in (folder / "log.txt").read_text()
    (full_disk / "filler").unlink()
    done = fledge("runs", "resume", run, "--json", FLEDGE_HOME=str(full_disk))
    assert done.last["weights_sha256"] == peaceful


def test_a_home_that_may_only_be_read_can_be_looked_at(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("print('hello')")
    run = fledge("run", "--script", "s.py", "--json").last["run"]
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", fledge.home, fledge.home], capture_output=True)
    if mounted.returncode:
        pytest.skip("file systems may not be mounted here, so none can be made read-only")
    try:
        assert fledge("runs", "list", "--json").last["state"] == "COMPLETED"
        assert fledge("runs", "show", run, "--json").last["state"] == "COMPLETED"
        assert "hello" in fledge("runs", "logs", run).out
        assert "Read-only file system" in fledge("run", "--script", "s.py", status=1).err
        assert "cannot be removed" in fledge("runs", "delete", run, status=1).err
    finally:
        subprocess.run(["umount", "-l", fledge.home], check=True)
