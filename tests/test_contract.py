"""What people's scripts rely on: spec keys, JSON lines, exit statuses. A change here breaks them."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from fledge.spec.load import parse
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from tests.conftest import Fledge, Result

SPEC = """
experiment = "birds"
seed = 0
[dataset]
name = "imagefolder"
root = "photos"
[model]
name = "resnet18"
weights = "imagenet"
[training]
mode = "finetune"
epochs = 10
batch_size = 32
[backend]
name = "local"
[launcher]
name = "single"
"""
TRAIN = ("run", "--dataset", "dots", "--model", "tiny", "--set", "training.epochs=2", "--json")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    return fledge_in(tmp_path_factory.mktemp("contract") / "work")


@pytest.fixture(scope="module")
def trained(house: "Fledge") -> "Result":
    return house(*TRAIN, "--set", "register=birds", "--experiment", "birds")


def test_the_designs_spec_is_a_spec() -> None:
    spec = parse(tomllib.loads(SPEC), where="the design")
    assert spec.to_dict()["dataset"] == {"name": "imagefolder", "root": "photos"}
    assert (spec.experiment, spec.training.epochs, spec.backend.name) == ("birds", 10, "local")


def test_every_section_can_be_planned(house: "Fledge") -> None:
    file = house.folder / "spec.toml"
    file.write_text(SPEC.replace("imagefolder", "dots").replace('root = "photos"', "train = 5"))
    words = ("--model", "tiny", "--set", "training.lr=0.5", "--set", "launcher.processes=1")
    told = house("run", file, *words, "--dry-run", "--json").last["spec"]
    assert set(told) == {
        "experiment", "seed", "dataset", "model", "training", "backend", "launcher", "registry", "trackers",
        "extensions",
    }  # fmt: skip
    assert told["training"]["lr"] == 0.5
    assert told["launcher"] == {"name": "single", "processes": 1, "nodes": 1}


def test_the_last_line_of_run(trained: "Result", house: "Fledge") -> None:
    assert set(trained.last) == {"run", "state", "metrics", "weights_sha256", "outputs", "model"}
    assert trained.last["state"] == "COMPLETED"
    assert 0 <= trained.last["metrics"]["best_val_accuracy"] <= 1
    assert trained.last["model"] == "birds/1"
    assert {f"outputs/{name}" for name in ("best.safetensors", "best.json", "last.safetensors", "last.json")} <= set(
        trained.last["outputs"]
    )
    folder = house.home / "runs" / trained.last["run"]
    assert all((folder / path).is_file() for path in trained.last["outputs"])


def test_the_weights_digest(trained: "Result", house: "Fledge") -> None:
    digest = hashlib.sha256()
    weights = load_file(house.home / "runs" / trained.last["run"] / "outputs" / "last.safetensors")
    for name, values in sorted(weights.items()):
        shape = ",".join(str(side) for side in values.shape)
        digest.update(b"\0".join([name.encode(), str(values.dtype).encode(), shape.encode(), values.tobytes("C")]))
    assert trained.last["weights_sha256"] == digest.hexdigest()


def test_runs_show(trained: "Result", house: "Fledge") -> None:
    told = house("runs", "show", trained.last["run"], "--json")
    assert len(told.lines) == 1
    assert {"run", "state", "pid", "backend", "spec", "metrics", "started", "ended", "error"} <= set(told.last)
    assert told.last["run"] == trained.last["run"]
    assert told.last["state"] == "COMPLETED"
    assert isinstance(told.last["pid"], int)
    assert told.last["backend"] == "local"
    assert told.last["spec"]["dataset"]["name"] == "dots"
    assert told.last["metrics"]["best_val_accuracy"] == trained.last["metrics"]["best_val_accuracy"]
    assert told.last["started"] <= told.last["ended"]
    assert told.last["error"] is None


def test_models_list(trained: "Result", house: "Fledge") -> None:
    (told,) = house("models", "list", "--json").lines
    assert told["name"] == "birds"
    assert told["version"] == 1
    assert told["run"] == trained.last["run"]


def test_a_failed_run_is_status_1_and_has_the_same_keys(house: "Fledge") -> None:
    done = house(*TRAIN, "--set", "dataset.broken=true", status=1)
    assert set(done.last) == {"run", "state", "metrics", "weights_sha256", "outputs"}
    assert done.last["state"] == "FAILED"
    assert done.last["weights_sha256"] is None
    assert "error: the dots have gone\n  paint new ones" in done.err
    error = house("runs", "show", done.last["run"], "--json").last["error"]
    assert error == "the dots have gone\n  paint new ones"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--nonsense"),
        ("nonsense",),
        ("run", "--dataset", "dots", "--model", "nonsense", "--json"),
        ("run", "--dataset", "dots", "--model", "tiny", "--set", "training.epochs=0", "--json"),
        ("runs", "show", "nonsense", "--json"),
        ("models", "show", "nonsense", "--json"),
    ],
)
def test_a_usage_error_is_status_2_and_prints_no_json(fledge: "Fledge", words: tuple[str, ...]) -> None:
    done = fledge(*words, status=2)
    assert done.out == ""
    assert done.err


def test_an_interrupted_run_is_status_130_and_leaves_nothing_running(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text(
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('outputs/ready', 'w').close()\n"
        "time.sleep(600)\n"
    )
    process = fledge.start("run", "--script", "s.py", "--json")
    while not list(fledge.home.glob("runs/*/outputs/ready")):
        assert process.poll() is None
        time.sleep(0.05)
    told = fledge("runs", "show", "latest", "--json").last
    assert told["state"] == "RUNNING"
    assert in_group(told["pid"])
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert json.loads(out.splitlines()[-1])["state"] == "CANCELED"
    assert fledge("runs", "show", "latest", "--json").last["state"] == "CANCELED"
    assert not in_group(told["pid"])


def in_group(leader: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if os.getpgid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except ProcessLookupError:
            pass
    return found


@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("run", "--help"), ("runs", "list", "--json")], ids=" ".join
)
def test_python_m_fledge_is_fledge(fledge: "Fledge", words: tuple[str, ...]) -> None:
    command = Path(sys.executable).with_name("fledge")
    done = subprocess.run([command, *words], cwd=fledge.folder, env=fledge.environment, capture_output=True, text=True)
    same = fledge(*words)
    assert (done.returncode, done.stdout, done.stderr) == (same.status, same.out, same.err)
