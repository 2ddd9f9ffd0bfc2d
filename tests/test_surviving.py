"""Runs that are killed, stopped and canceled, and end with the weights of one that was left in peace."""

import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from fledge.predictions import Predictions

from tests.long_run import SLOW, journal, shown, strays, supervisor, until, wait_for, words

if TYPE_CHECKING:
    from tests.conftest import Fledge


pytestmark = pytest.mark.long


@pytest.mark.cold
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_anywhere_it_resumes_to_the_same_weights(fledge: "Fledge", peaceful: str, workers: int) -> None:
    run = fledge(*words(f"training.workers={workers}", SLOW), "--detach").out.strip()
    for checkpoints in (1, 6, 14):
        wait_for(fledge, run, "checkpoint", checkpoints)
        os.killpg(supervisor(fledge, run), signal.SIGKILL)
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
    run = fledge(*words(SLOW), "--detach").out.strip()
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
    run = fledge(*words(SLOW), "--detach").out.strip()
    wait_for(fledge, run, "checkpoint", 12)
    fledge("runs", "cancel", run)
    for checkpoint in (fledge.home / "runs" / run / "checkpoints").iterdir():
        (checkpoint / "checkpoint.json").write_text("{}")
    done = fledge("runs", "resume", run, "--json")
    assert done.err.count("is damaged") == 2
    assert done.last["weights_sha256"] == peaceful


def begun_otherwise(fledge: "Fledge", *settings: str, **facts: Any) -> str:
    """A canceled run whose checkpoints tell those facts of its beginning."""
    run = fledge(*words(SLOW, *settings), "--detach").out.strip()
    wait_for(fledge, run, "checkpoint", 3)
    fledge("runs", "cancel", run)
    for checkpoint in (fledge.home / "runs" / run / "checkpoints").iterdir():
        manifest = json.loads((checkpoint / "checkpoint.json").read_text())
        manifest["told"]["facts"] |= facts
        content = json.dumps(manifest).encode()
        (checkpoint / "checkpoint.json").write_bytes(content)
        checkpoint.rename(checkpoint.with_name(checkpoint.name[:-16] + hashlib.sha256(content).hexdigest()[:16]))
    return run


def test_a_checkpoint_of_another_version_is_refused(fledge: "Fledge") -> None:
    run = begun_otherwise(fledge, format=1)
    assert "begun by another version of fledge" in fledge("runs", "resume", run, status=1).err


def test_a_run_keeps_the_number_format_and_the_threads_that_it_began_with(fledge: "Fledge") -> None:
    run = begun_otherwise(fledge, "training.precision=auto", precision="fp32", threads=2)
    assert "warning" not in fledge("runs", "resume", run).err
    params = [one["values"] for one in journal(fledge, run) if one["event"] == "params"][-1]
    assert (params["precision"], params["threads"]) == ("fp32", 2)


def test_a_run_that_goes_on_in_another_number_format_says_so_before_anything_else(fledge: "Fledge") -> None:
    run = begun_otherwise(fledge, precision="fp8")
    assert "this run began with precision fp8 and goes on with" in fledge("runs", "resume", run).err


@pytest.mark.cold
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_preempts_it_with_a_fresh_checkpoint(fledge: "Fledge", peaceful: str, number: int) -> None:
    run = fledge(*words("training.checkpoint_every=3600s", "training.workers=2", SLOW), "--detach").out.strip()
    wait_for(fledge, run, "metrics", 2)
    os.killpg(supervisor(fledge, run), number)
    told = until(fledge, run, "PREEMPTED")
    assert told["error"] in ("stopped by SIGTERM", "stopped by SIGINT")
    reached = [one for one in journal(fledge, run) if one["event"] == "checkpoint"]
    assert len(reached) == 1
    assert reached[0]["epoch"] >= 2
    done = fledge("runs", "resume", run, "--json")
    assert done.last["weights_sha256"] == peaceful


@pytest.mark.cold
def test_a_canceled_run_stops_at_a_step_and_can_go_on(fledge: "Fledge", peaceful: str) -> None:
    run = fledge(*words("training.workers=2", SLOW), "--detach").out.strip()
    wait_for(fledge, run, "metrics", 1)
    for _ in range(2):
        assert fledge("runs", "cancel", run, "--json").last == {"run": run, "state": "CANCELED"}
        assert not strays(fledge, run)
    assert list((fledge.home / "runs" / run / "checkpoints").iterdir())
    done = fledge("runs", "resume", run, "--json").last
    assert done["weights_sha256"] == peaceful
    assert done["outputs"] == [f"outputs/{name}" for name in (
        "best.json", "best.safetensors", "last.json", "last.safetensors", "predictions.json")]  # fmt: skip
    outputs = fledge.home / "runs" / run / "outputs"
    said = Predictions.read(outputs)
    assert said is not None
    assert said.epoch == json.loads((outputs / "best.json").read_text())["epoch"] == done["metrics"]["best_epoch"]
    hits = [row[0] == label for row, label in zip(said.top, said.labels, strict=True)]
    assert sum(hits) / len(hits) == done["metrics"]["best_val_accuracy"]


def test_retries_resume_by_themselves_within_their_bound(fledge: "Fledge", peaceful: str) -> None:
    # One comes back by its supervisor, which nobody watches; one by whoever looks, after everything was killed.
    run = fledge(*words("training.retries=2", SLOW), "--detach").out.strip()
    wait_for(fledge, run, "checkpoint", 4)
    worker = json.loads((fledge.home / "runs" / run / "running.json").read_text())["pid"]
    os.kill(worker, signal.SIGKILL)
    wait_for(fledge, run, "lineage", 2)
    wait_for(fledge, run, "checkpoint", 8)
    os.killpg(supervisor(fledge, run), signal.SIGKILL)
    told = until(fledge, run, "COMPLETED")
    assert told["weights_sha256"] == peaceful
    said = [one["state"] for one in journal(fledge, run) if one["event"] == "state"]
    assert said.count("PREPARING") == 3


def test_retries_end(fledge: "Fledge") -> None:
    run = fledge(*words("training.retries=1", SLOW), "--detach").out.strip()
    for checkpoints in (2, 6):
        wait_for(fledge, run, "checkpoint", checkpoints)
        os.killpg(supervisor(fledge, run), 9)
        shown(fledge, run)
    assert until(fledge, run, "LOST", "COMPLETED")["state"] == "LOST"
    assert shown(fledge, run)["submissions"] == 2


def test_a_lost_run_that_was_canceled_does_not_come_back(fledge: "Fledge") -> None:
    run = fledge(*words("training.retries=3", SLOW), "--detach").out.strip()
    wait_for(fledge, run, "checkpoint")
    os.killpg(supervisor(fledge, run), 9)
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
