"""Faults that a reader with fresh eyes found, each held here by what a person would have seen."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import torch
from fledge.interfaces.launcher import Parallel
from fledge.launchers.single import SingleGroup
from fledge.spec.training import TrainingSpec
from fledge.training.criterion import class_weights, make_criterion
from fledge.training.feature_batches import FeatureBatches
from fledge.training.loop import Loop
from fledge.training.phases import Phase
from fledge.training.schedule import lr_factor

from tests.long_run import strays

if TYPE_CHECKING:
    from tests.conftest import Fledge

DOTS = ("run", "--dataset", "dots", "--model", "tiny", "--set", "training.epochs=1", "--set", "dataset.train=8")


def wait_for(path: Path) -> str:
    while not path.exists() or not path.read_text():
        time.sleep(0.05)
    return path.read_text()


def test_a_lost_run_leaves_no_script_behind(fledge: "Fledge", tmp_path: Path) -> None:
    told = tmp_path / "pid"
    (fledge.folder / "s.py").write_text(
        f"import os, pathlib, time; pathlib.Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    run = fledge("run", "--script", "s.py", "--detach", "--json").last["run"]
    script = psutil.Process(int(wait_for(told)))
    supervisor = fledge("runs", "show", run, "--json").last["pid"]
    os.kill(supervisor, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(supervisor)] if psutil.pid_exists(supervisor) else [], timeout=10)
    assert fledge("runs", "show", run, "--json").last["state"] == "LOST"
    script.wait(timeout=10)


def test_what_a_script_leaves_running_ends_with_it(fledge: "Fledge", tmp_path: Path) -> None:
    told = tmp_path / "pid"
    (fledge.folder / "s.py").write_text(
        "import pathlib, subprocess, sys\n"
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(told)!r}).write_text(str(left.pid))\n"
    )
    assert fledge("run", "--script", "s.py", "--json").last["state"] == "COMPLETED"
    left = int(told.read_text())
    if psutil.pid_exists(left):
        psutil.Process(left).wait(timeout=10)


def test_a_script_may_remake_its_outputs(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text(
        "import os, shutil\nshutil.rmtree('outputs')\nos.mkdir('outputs')\nopen('outputs/a', 'w').write('x')"
    )
    assert fledge("run", "--script", "s.py", "--json").last["outputs"] == ["outputs/a"]


def test_an_extension_is_told_of_a_script_too(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("print('hello')")
    done = fledge("run", "--script", "s.py", "--with", "stamp", "--json")
    assert "started default" in done.err


def test_a_registration_that_fails_hides_no_outcome(fledge: "Fledge") -> None:
    fledge.home.mkdir()
    (fledge.home / "models").write_text("in the way")
    done = fledge(*DOTS, "--set", "register=b", "--json", status=1)
    assert done.last["state"] == "COMPLETED"
    assert "fledge models register" in done.err


def test_a_damaged_version_hides_no_other(fledge: "Fledge") -> None:
    fledge(*DOTS, "--set", "register=a")
    run = fledge("runs", "list", "--json").last["run"]
    fledge("models", "register", run, "--name", "b")
    (fledge.home / "models" / "a" / "1" / "model.json").unlink()
    listed = fledge("models", "list", "--json")
    assert {line["name"]: bool(line["damaged"]) for line in listed.lines} == {"a": True, "b": False}
    assert fledge("models", "register", run, "--name", "a", "--json").last["version"] == 2


def test_a_run_is_its_owners_alone(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("")
    run = fledge("run", "--script", "s.py", "--json").last["run"]
    assert (fledge.home / "runs" / run).stat().st_mode & 0o077 == 0


def test_when_a_run_ended_is_not_when_somebody_looked(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("import time; time.sleep(600)")
    run = fledge("run", "--script", "s.py", "--detach", "--json").last["run"]
    os.killpg(fledge("runs", "show", run, "--json").last["pid"], signal.SIGKILL)
    # Until it is gone its worker may still write.
    while strays(fledge, run):
        time.sleep(0.02)
    folder = fledge.home / "runs" / run
    for name in ("log.txt", "journal.jsonl", "exit.json"):
        if (folder / name).exists():
            os.utime(folder / name, (1_000_000_000, 1_000_000_000))
    assert fledge("runs", "show", run, "--json").last["ended"].startswith("2001-09-09")


@pytest.mark.parametrize("name", [".ENV", "prod.env", "server.KEY", ".npmrc"])
def test_a_secret_is_one_in_capitals_or_behind_a_link(fledge: "Fledge", name: str) -> None:
    (fledge.folder / name).write_text("secret")
    (fledge.folder / "innocent.txt").symlink_to(name)
    (fledge.folder / "s.py").write_text("")
    plan = fledge("run", "--script", "s.py", "--dry-run", "--json").last
    assert list(plan["job"]["snapshot"]["files"]) == ["s.py"]


def test_a_cache_that_cannot_be_is_a_sentence(fledge: "Fledge", tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = fledge(*DOTS, status=1, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert "cannot be made" in done.err


def test_a_home_of_nobodys_is_a_sentence(fledge: "Fledge") -> None:
    assert "nobody2" in fledge("runs", "list", status=2, FLEDGE_HOME="~nobody2/x").err


def test_a_reader_that_leaves_early_is_no_failure(fledge: "Fledge") -> None:
    process = fledge.start("spec", "schema")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() == 0
    assert process.stderr is not None
    process.stderr.close()


def test_a_choice_may_be_set_by_its_section_alone(fledge: "Fledge") -> None:
    plan = fledge("run", "--set", "dataset=dots", "--set", "model=tiny", "--dry-run", "--json").last
    assert plan["spec"]["dataset"]["name"] == "dots"


def test_a_slip_in_weights_is_found_before_anything_is_fetched(fledge: "Fledge") -> None:
    words = ("run", "--dataset", "dots", "--model", "resnet18", "--set", "model.weights=imagnet", "--dry-run")
    assert "neither 'imagenet' nor 'none'" in fledge(*words, status=2).err


def loop(settings: dict[str, object], weight: torch.Tensor) -> Loop:
    """A linear model on four samples of two classes, unshuffled."""
    spec = TrainingSpec.model_validate({"epochs": 1, "schedule": "constant", "lr": 1.0, "momentum": 0.0, **settings})
    labels = [0, 1, 1, 1]
    features = torch.tensor([[1.0, 0.0], [0.5, 2.0], [-1.0, 1.0], [0.3, 0.3]])
    module = torch.nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        module.weight.copy_(weight)
    weights = class_weights(spec, ("a", "b"), labels)
    batches = FeatureBatches(
        features[:, None], torch.tensor(labels), batch_size=spec.batch_size, seed=0, shuffled=False
    )
    optimizer = torch.optim.SGD([{"params": module.parameters(), "initial_lr": spec.lr}], lr=spec.lr)
    counted = torch.tensor([weights[label] for label in labels], dtype=torch.float64) if weights else None
    criterion = make_criterion(spec, weights, torch.device("cpu"))
    alone, parallel = SingleGroup(), Parallel(module, optimizer)
    return Loop(
        Phase(False, spec), 0, alone, module, parallel, module, None, criterion, batches, batches, ("a", "b"), counted
    )


@pytest.mark.parametrize("weights", ["none", "balanced", {"a": 30.0}])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_accumulated_steps_are_one_large_step(weights: object, size: int) -> None:
    start = torch.tensor([[0.1, -0.2], [0.3, 0.4]])
    whole = loop({"class_weights": weights, "batch_size": 4}, start)
    parts = loop({"class_weights": weights, "batch_size": size, "accumulate": 4}, start)
    (one,), (other,) = (list(one.epochs(one.beginning(0))) for one in (whole, parts))
    reached, same = (next(one.module.parameters()).detach() for one in (whole, parts))
    torch.testing.assert_close(reached, same)
    assert not torch.equal(reached, start)
    assert one.train_loss == pytest.approx(other.train_loss)


def test_warm_up_moves_from_the_first_step_on() -> None:
    spec = TrainingSpec(warmup_epochs=1, epochs=3, schedule="constant")
    assert [lr_factor(spec, step / 4, 1 / 4) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_patience_runs_from_when_the_accuracy_last_rose(fledge: "Fledge") -> None:
    settings = ["training.epochs=20", "training.early_stopping=2", "training.lr=1e-6", "dataset.train=8"]
    done = fledge("run", "--dataset", "dots", "--model", "tiny", "--json", *(w for s in settings for w in ("--set", s)))
    run = fledge.home / "runs" / done.last["run"]
    told = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    accuracies = [event["values"]["val_accuracy"] for event in told if event["event"] == "metrics"]
    rose = max(at for at, value in enumerate(accuracies) if value > max(accuracies[:at], default=-1))
    assert len(accuracies) == rose + 3


def test_a_pipe_stays_one(fledge: "Fledge", tmp_path: Path) -> None:
    (fledge.folder / "s.py").write_text("import fledge; fledge.log(step=1, loss=1)")
    fledge("run", "--script", "s.py")
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE, text=True) as reader:
        fledge("report", "latest", "-o", str(tmp_path / "pipe"))
        told, _ = reader.communicate()
    assert told.startswith("<!doctype html>")
    (tmp_path / "page.html").write_text("before")
    (tmp_path / "link.html").symlink_to(tmp_path / "page.html")
    fledge("report", "latest", "-o", str(tmp_path / "link.html"))
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_a_report_does_without_a_best_run_that_was_deleted(fledge: "Fledge") -> None:
    code = "import fledge, sys; fledge.log(step=1, score=float(sys.argv[1].partition('=')[2]))"
    (fledge.folder / "s.py").write_text(code)
    (fledge.folder / "spec.toml").write_text('[script]\npath = "s.py"\n')
    words = ("spec.toml", "--maximize", "score", "--sampler", "grid", "--param", "script.args.x=1,2")
    best = fledge("sweep", *words, "--name", "lost", "--json").last["best"]["run"]
    fledge("runs", "delete", best)
    told = fledge("report", "--sweep", "lost", "-o", "lost.html")
    assert f"warning: run {best}, the best of sweep lost, was deleted" in told.err
    assert "<svg" in (fledge.folder / "lost.html").read_text()
