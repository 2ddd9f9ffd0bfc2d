"""Runs that are killed, stopped, starved and looked at from all sides, and end as one left in peace does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from fledge.runs.journal import events

if TYPE_CHECKING:
    from tests.conftest import Fledge

# Long enough to be met in the middle, with a checkpoint every other step.
SETTINGS = (
    "training.epochs=6", "training.batch_size=8", "training.device=cpu", "training.checkpoint_every=2",
    "training.optimizer=adamw", "training.lr=0.003", "training.warmup_epochs=1", "dataset.train=100",
)  # fmt: skip


def words(*settings: str) -> list[str]:
    told = [word for setting in (*SETTINGS, *settings) for word in ("--set", setting)]
    return ["run", "--dataset", "dots", "--model", "tiny", *told]


def journal(fledge: "Fledge", run: str) -> list[dict[str, Any]]:
    return list(events(fledge.home / "runs" / run))


def wait_for(fledge: "Fledge", run: str, event: str, count: int = 1) -> None:
    while sum(one["event"] == event for one in journal(fledge, run)) < count:
        assert state_file(fledge, run) not in ("FAILED", "LOST")
        time.sleep(0.02)


def state_file(fledge: "Fledge", run: str) -> str:
    return str(json.loads((fledge.home / "runs" / run / "state.json").read_text())["state"])


def shown(fledge: "Fledge", run: str) -> dict[str, Any]:
    return fledge("runs", "show", run, "--json").last


def until(fledge: "Fledge", run: str, *states: str) -> dict[str, Any]:
    while (told := shown(fledge, run))["state"] not in states:
        time.sleep(0.1)
    return told


def strays(fledge: "Fledge", run: str) -> list[psutil.Process]:
    """Processes that belong to a run, by their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("FLEDGE_RUN_ID") == run and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def peaceful(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> str:
    """The weights of the run that nothing happens to."""
    fledge = fledge_in(tmp_path_factory.mktemp("peace") / "work")
    return str(fledge(*words(), "--json").last["weights_sha256"])


@pytest.mark.parametrize("workers", [0, 2])
def test_killed_anywhere_it_resumes_to_the_same_weights(fledge: "Fledge", peaceful: str, workers: int) -> None:
    run = fledge(*words(f"training.workers={workers}"), "--detach").out.strip()
    for checkpoints in (1, 6, 14):
        wait_for(fledge, run, "checkpoint", checkpoints)
        os.killpg(shown(fledge, run)["pid"], signal.SIGKILL)
        assert until(fledge, run, "LOST")["error"] == "its process is gone and left no word of how it ended"
        assert not strays(fledge, run)
        assert fledge("runs", "resume", run, "--detach").out.strip() == run
    told = until(fledge, run, "COMPLETED")
    assert told["weights_sha256"] == peaceful
    assert told["submissions"] == 4
    assert not strays(fledge, run)
    # Nothing is left to resume from, nor to resume.
    assert not (fledge.home / "runs" / run / "checkpoints").exists()
    assert "is COMPLETED: there is nothing to resume" in fledge("runs", "resume", run, status=1).err


def test_a_damaged_checkpoint_falls_back_to_the_one_before(fledge: "Fledge", peaceful: str) -> None:
    run = fledge(*words(), "--detach").out.strip()
    wait_for(fledge, run, "checkpoint", 20)
    fledge("runs", "cancel", run)
    older, newest = sorted((fledge.home / "runs" / run / "checkpoints").iterdir())
    damaged = newest / "state.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    done = fledge("runs", "resume", run, "--json")
    assert f"warning: checkpoint {newest.name} is damaged (state.safetensors is not what was written)" in done.err
    assert "resumed from a checkpoint" in done.err
    assert (done.last["state"], done.last["weights_sha256"]) == ("COMPLETED", peaceful)
    assert older.name < newest.name


def test_without_a_whole_checkpoint_it_begins_again(fledge: "Fledge", peaceful: str) -> None:
    run = fledge(*words(), "--detach").out.strip()
    wait_for(fledge, run, "checkpoint", 12)
    fledge("runs", "cancel", run)
    for checkpoint in (fledge.home / "runs" / run / "checkpoints").iterdir():
        (checkpoint / "checkpoint.json").write_text("{}")
    done = fledge("runs", "resume", run, "--json")
    assert done.err.count("is damaged") == 2
    assert done.last["weights_sha256"] == peaceful


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_preempts_it_with_a_fresh_checkpoint(fledge: "Fledge", peaceful: str, number: int) -> None:
    run = fledge(*words("training.checkpoint_every=3600s", "training.workers=2"), "--detach").out.strip()
    wait_for(fledge, run, "metrics", 2)
    os.killpg(shown(fledge, run)["pid"], number)
    told = until(fledge, run, "PREEMPTED")
    assert told["error"] in ("stopped by SIGTERM", "stopped by SIGINT")
    reached = [one for one in journal(fledge, run) if one["event"] == "checkpoint"]
    assert len(reached) == 1
    assert reached[0]["epoch"] >= 2
    done = fledge("runs", "resume", run, "--json")
    assert done.last["weights_sha256"] == peaceful


def test_a_canceled_run_stops_at_a_step_and_can_go_on(fledge: "Fledge", peaceful: str) -> None:
    run = fledge(*words("training.workers=2"), "--detach").out.strip()
    wait_for(fledge, run, "metrics", 1)
    for _ in range(2):
        assert fledge("runs", "cancel", run, "--json").last == {"run": run, "state": "CANCELED"}
        assert not strays(fledge, run)
    assert list((fledge.home / "runs" / run / "checkpoints").iterdir())
    assert fledge("runs", "resume", run, "--json").last["weights_sha256"] == peaceful


def test_retries_resume_by_themselves_within_their_bound(fledge: "Fledge", peaceful: str) -> None:
    # One comes back by its supervisor, which nobody watches; one by whoever looks, after everything was killed.
    run = fledge(*words("training.retries=2"), "--detach").out.strip()
    wait_for(fledge, run, "checkpoint", 4)
    worker = json.loads((fledge.home / "runs" / run / "running.json").read_text())["pid"]
    os.kill(worker, signal.SIGKILL)
    wait_for(fledge, run, "checkpoint", 8)
    os.killpg(shown(fledge, run)["pid"], signal.SIGKILL)
    told = until(fledge, run, "COMPLETED")
    assert told["weights_sha256"] == peaceful
    said = [one["state"] for one in journal(fledge, run) if one["event"] == "state"]
    assert said.count("PREPARING") == 3


def test_retries_end(fledge: "Fledge") -> None:
    run = fledge(*words("training.retries=1"), "--detach").out.strip()
    for checkpoints in (2, 6):
        wait_for(fledge, run, "checkpoint", checkpoints)
        os.killpg(json.loads((fledge.home / "runs" / run / "state.json").read_text())["ref"]["details"]["pid"], 9)
        shown(fledge, run)
    assert until(fledge, run, "LOST", "COMPLETED")["state"] == "LOST"
    assert shown(fledge, run)["submissions"] == 2


def test_a_lost_run_that_was_canceled_does_not_come_back(fledge: "Fledge") -> None:
    run = fledge(*words("training.retries=3"), "--detach").out.strip()
    wait_for(fledge, run, "checkpoint")
    os.killpg(json.loads((fledge.home / "runs" / run / "state.json").read_text())["ref"]["details"]["pid"], 9)
    assert fledge("runs", "cancel", run, "--json").last["state"] == "CANCELED"
    assert shown(fledge, run)["state"] == "CANCELED"
    assert shown(fledge, run)["submissions"] == 1


def test_a_submission_that_was_cut_off_is_lost_and_can_be_made_again(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("print('hello')")
    run = fledge("run", "--script", "s.py", "--json").last["run"]
    folder = fledge.home / "runs" / run
    # As kill -9 leaves it: written down, and not yet with its backend.
    record = json.loads((folder / "state.json").read_text()) | {"state": "QUEUED", "pending": True, "ref": None}
    (folder / "state.json").write_text(json.dumps(record))
    for name in ("ref.json", "exit.json", "journal.jsonl"):
        (folder / name).unlink()
    told = shown(fledge, run)
    assert (told["state"], told["error"]) == ("LOST", "its submission was cut off before its backend had it")
    assert fledge("runs", "resume", run, "--json").last["state"] == "COMPLETED"
    assert [line["run"] for line in fledge("runs", "list", "--json").lines] == [run]
    # And where its backend had it already, it is found again.
    record = json.loads((folder / "state.json").read_text()) | {"state": "QUEUED", "pending": True, "ref": None}
    (folder / "state.json").write_text(json.dumps(record))
    assert shown(fledge, run)["state"] == "COMPLETED"


def test_a_network_that_is_away_is_tried_again_until_it_is_canceled(fledge: "Fledge") -> None:
    away = ["run", "--dataset", "birds", "--model", "tiny", "--set", "dataset.url=http://127.0.0.1:9/birds.zip"]
    told = fledge(*away, "--set", "training.retries=1", "--json", status=1).last
    assert told["state"] == "FAILED"
    assert sum(one.get("state") == "PREPARING" for one in journal(fledge, told["run"])) == 2
    run = fledge(*away, "--set", "training.retries=30", "--detach").out.strip()
    while "retry 2 of 30" not in fledge("runs", "logs", run).out:
        time.sleep(0.1)
    assert fledge("runs", "cancel", run, "--json").last["state"] == "CANCELED"
    assert shown(fledge, run)["state"] == "CANCELED"


def test_a_copy_of_a_run_is_not_resumed_in_its_place(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("raise SystemExit(3)")
    run = fledge("run", "--script", "s.py", "--json", status=1).last["run"]
    shutil.copytree(fledge.home / "runs" / run, fledge.home / "runs" / f"{run}.copy")
    assert f"is a copy of run {run}" in fledge("runs", "resume", f"{run}.copy", status=1).err
    fledge.home.rename(fledge.folder / "moved")
    told = fledge("runs", "resume", run, status=1, FLEDGE_HOME="moved").err
    assert f"ran in {fledge.home / 'runs' / run}, and fledge's home is {fledge.folder / 'moved'} now" in told
    assert not fledge.home.exists()


def test_a_script_that_removes_its_outputs_is_resumed(fledge: "Fledge") -> None:
    code = "import os, pathlib, shutil\nagain = pathlib.Path('again').exists()\npathlib.Path('again').touch()\n"
    code += "print(sorted(os.listdir('.')))\nif not again:\n    shutil.rmtree('outputs')\n    raise SystemExit(3)\n"
    (fledge.folder / "s.py").write_text(code + "pathlib.Path('outputs/a').touch()\n")
    run = fledge("run", "--script", "s.py", "--json", status=1).last["run"]
    assert fledge("runs", "resume", run, "--json").last["outputs"] == ["outputs/a"]


def test_a_home_folder_of_the_user_that_is_not_there(fledge: "Fledge") -> None:
    del fledge.environment["XDG_CACHE_HOME"]
    told = fledge(*words(), "--json", status=1, HOME="/proc/nowhere")
    assert "the cache folder /proc/nowhere/.cache/fledge" in told.err
    assert "XDG_CACHE_HOME=DIR" in told.err
    assert told.last["state"] == "FAILED"


def test_what_is_wrong_for_good_is_not_tried_again(fledge: "Fledge") -> None:
    told = fledge(*words("dataset.broken=true", "training.retries=3"), "--json", status=1)
    assert told.last["state"] == "FAILED"
    run = told.last["run"]
    assert sum(one.get("state") == "PREPARING" for one in journal(fledge, run)) == 1


class Metadata(BaseHTTPRequestHandler):
    """A virtual machine's metadata service, as Azure documents it."""

    events: list[dict[str, Any]] = []

    def do_GET(self) -> None:
        assert self.headers["Metadata"] == "true"
        name = self.path.startswith("/metadata/instance/compute/name")
        body = b"vm-7" if name else json.dumps({"DocumentIncarnation": 1, "Events": self.events}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def metadata() -> Iterator[str]:
    Metadata.events = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/metadata"
        server.shutdown()
        thread.join()


def test_azures_warning_of_a_preemption_is_heeded(fledge: "Fledge", metadata: str) -> None:
    long = words("training.epochs=100000", "training.checkpoint_every=3600s")
    run = fledge(*long, "--detach", FLEDGE_PREEMPTION_URL=metadata).out.strip()
    wait_for(fledge, run, "metrics", 1)
    Metadata.events = [{"EventType": "Preempt", "Resources": ["vm-8"]}, {"EventType": "Freeze", "Resources": ["vm-7"]}]
    time.sleep(2.5)
    assert shown(fledge, run)["state"] == "RUNNING"
    Metadata.events = [{"EventType": "Preempt", "Resources": ["vm-7"]}]
    assert until(fledge, run, "PREEMPTED")["error"] == "Azure announced: Preempt of vm-7"
    assert list((fledge.home / "runs" / run / "checkpoints").iterdir())


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
    assert started == sorted(started)


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
    os.killpg(shown(fledge, run)["pid"], signal.SIGKILL)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: fledge("runs", "resume", run, "--detach", status=None), range(6)))
    assert sorted(one.status for one in told) == [0, 1, 1, 1, 1, 1]
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: fledge("runs", "cancel", run, "--json").last["state"], range(6)))
    assert set(states) == {"CANCELED"}
    assert shown(fledge, run)["submissions"] == 2


def test_a_run_whose_folder_is_removed_ends(fledge: "Fledge") -> None:
    done = fledge(
        "run", "--script", (fledge.folder / "s.py", (fledge.folder / "s.py").write_text(""))[0], "--json"
    ).last
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
    run = fledge(*words(), "--detach").out.strip()
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
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("file systems may not be mounted here, so none can be filled")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_fails_the_run_and_leaves_it_resumable(fledge: "Fledge", peaceful: str, small_disk: Path) -> None:
    run = fledge(*words(), "--detach", FLEDGE_HOME=str(small_disk)).out.strip()
    folder = small_disk / "runs" / run
    while sum(one["event"] == "checkpoint" for one in events(folder)) < 3:
        time.sleep(0.02)
    # Held meanwhile, lest it be done before the disk is full.
    worker = psutil.Process(json.loads((folder / "running.json").read_text())["pid"])
    worker.suspend()
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(1024)):
            pass
    worker.resume()
    while (told := fledge("runs", "show", run, "--json", FLEDGE_HOME=str(small_disk)).last)["ended"] is None:
        time.sleep(0.1)
    assert told["state"] == "FAILED"
    assert "No space left on device" in told["error"]
    assert "Traceback" not in (folder / "log.txt").read_text()
    (small_disk / "filler").unlink()
    done = fledge("runs", "resume", run, "--json", FLEDGE_HOME=str(small_disk))
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
