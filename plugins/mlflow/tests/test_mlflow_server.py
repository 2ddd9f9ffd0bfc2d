"""Runs and models on an MLflow server, which is killed and comes back."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
from fledge import Registry, RunError, RunInfo, Tracker
from fledge.discovery.discover import discover
from fledge_mlflow.store import Store

# The fixtures of the core's tests.
from tests.conftest import base_environment, commands, fledge_in, install, sample_plugin, user_cache, warmth  # noqa: F401 -- fixtures
from tests.mlflow_server import MlflowServer

if TYPE_CHECKING:
    from mlflow.entities import Run

    from tests.conftest import Fledge

pytestmark = [pytest.mark.long, pytest.mark.mlflow_server]

# What a person does who has never heard of fledge.
_PREDICT = """
import sys, warnings
import numpy as np
warnings.simplefilter("ignore")
import mlflow
images = np.load(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
(answer,) = model.predict(images).values()
np.save(sys.argv[3], answer)
try:
    model.predict(images.astype("float32"))
except mlflow.exceptions.MlflowException as error:
    print(error)
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    # The machine may be busy.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("server")).start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def trained(
    server: MlflowServer,
    tmp_path_factory: pytest.TempPathFactory,
    fledge_in: Callable[[Path], "Fledge"],  # noqa: F811 -- a fixture
) -> tuple["Fledge", dict[str, Any]]:
    """A training that two trackers are told of, and whose model is registered on the server."""
    fledge = fledge_in(tmp_path_factory.mktemp("trained") / "work")
    fledge.environment |= {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_HTTP_REQUEST_TIMEOUT": "120"}
    words = [
        "--dataset",
        "dots",
        "--model",
        "tiny",
        "--with",
        "onnx",
        "--tracker",
        "mlflow",
        "--tracker",
        "tensorboard",
    ]
    settings = ("experiment=birds", "training.epochs=2", "register=birds", "registry=mlflow", "training.device=cpu")
    done = fledge("run", *words, *(word for one in settings for word in ("--set", one)), "--json")
    assert "tracker" not in done.err
    return fledge, done.last


def there(url: str, run: str) -> "Run":
    client = Store(url).client
    (found,) = client.search_runs(
        [one.experiment_id for one in client.search_experiments()], f"tags.`fledge.run` = '{run}'"
    )
    return found


def test_a_training_is_there_with_all_it_says(server: MlflowServer, trained: tuple["Fledge", dict[str, Any]]) -> None:
    fledge, done = trained
    client, run = Store(server.url).client, there(server.url, done["run"])
    assert client.get_experiment(run.info.experiment_id).name == "birds"
    assert (run.info.status, run.info.run_name, run.data.tags["fledge.state"]) == ("FINISHED", done["run"], "COMPLETED")
    assert run.data.params["training.epochs"] == "2"
    assert json.loads(run.data.params["classes"]) == ["red", "blue"]
    assert run.data.metrics["best_val_accuracy"] == done["metrics"]["best_val_accuracy"]
    assert [point.step for point in client.get_metric_history(run.info.run_id, "val_accuracy")] == [1, 2]
    assert {one.path for one in client.list_artifacts(run.info.run_id)} >= {
        "best.json",
        "best.safetensors",
        "model.onnx",
    }
    assert list((fledge.folder / "tensorboard-runs" / "birds").iterdir())


@pytest.mark.parametrize("kept", ["registered", "of the run"])
def test_the_model_answers_there_as_it_does_here(
    server: MlflowServer, trained: tuple["Fledge", dict[str, Any]], tmp_path: Path, kept: str
) -> None:
    fledge, done = trained
    model = fledge.home / "runs" / done["run"] / "outputs" / "model.onnx"
    session = onnxruntime.InferenceSession(model)
    _, _, height, width = session.get_inputs()[0].shape
    images = np.random.default_rng(0).integers(0, 256, (5, 3, height, width), dtype=np.uint8)
    (expected,) = session.run(None, {"images": images})
    np.save(tmp_path / "images.npy", images)
    run = there(server.url, done["run"])
    address = "models:/birds/1" if kept == "registered" else f"models:/{run.data.tags['fledge.model']}"
    said = subprocess.run(
        [sys.executable, "-c", _PREDICT, tmp_path / "images.npy", address, tmp_path / "answer.npy"],
        env=fledge.environment,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "answer.npy"), expected)
    # The signature is held.
    assert "uint8" in said.stdout


def test_models_are_listed_promoted_and_fetched(server: MlflowServer, trained: tuple["Fledge", dict[str, Any]]) -> None:
    fledge, done = trained
    (listed,) = fledge("models", "list", "--registry", "mlflow", "--json").lines
    assert (listed["name"], listed["version"], listed["run"]) == ("birds", 1, done["run"])
    fledge("models", "promote", "birds/1", "--alias", "production", "--registry", "mlflow")
    fledge("models", "download", "birds@production", "--registry", "mlflow", "-o", "fetched")
    outputs = fledge.home / "runs" / done["run"] / "outputs"
    assert (fledge.folder / "fetched" / "model.onnx").read_bytes() == (outputs / "model.onnx").read_bytes()
    registry: Registry = discover().make("registry", "mlflow", {"uri": server.url}, fledge.home)
    assert registry.aliases("birds") == {"production": 1}


def metrics(second: int, **fields: Any) -> Mapping[str, Any]:
    return {"time": f"2026-01-01T00:00:{second:02}.000+00:00", "event": "metrics", **fields}


def test_a_server_that_was_killed_in_the_middle_misses_nothing(server: MlflowServer, tmp_path: Path) -> None:
    def tracker() -> Tracker:
        made: Tracker = discover().make("tracker", "mlflow", {"uri": server.url})
        return made

    told = RunInfo("run-killed", "killed", {"seed": 0}, tmp_path)
    output = tmp_path / "tief" / "büchse %.txt"
    output.parent.mkdir()
    output.write_text("kept")
    first = tracker()
    first.start(told)
    first.record([metrics(1, epoch=1, values={"loss": 1}), metrics(2, values={"counted": 1.5})])
    missing = [metrics(3, epoch=2, values={"loss": float("nan")}), metrics(4, values={"counted": 1.5})]
    server.kill()
    with pytest.raises(RunError, match=f"the MLflow server at {server.url} is down"):
        first.record(missing)
    with pytest.raises(RunError, match=f"the MLflow server at {server.url} is down"):
        tracker().start(told)
    server.start()
    first.record(missing)
    first.artifact(output)
    # And all of it again by another process, as after a crash before it was noted.
    again = tracker()
    again.start(told)
    again.record([metrics(2, values={"counted": 1.5}), *missing])
    again.finish("COMPLETED")
    run, client = there(server.url, "run-killed"), Store(server.url).client
    steps = {key: [point.step for point in client.get_metric_history(run.info.run_id, key)] for key in run.data.metrics}
    assert steps == {"loss": [1, 2], "counted": [1, 2]}
    assert [one.path for one in client.list_artifacts(run.info.run_id, "tief")] == ["tief/büchse %.txt"]


def test_credentials_are_asked_for_and_a_run_completes_without(
    tmp_path: Path,
    fledge_in: Callable[[Path], "Fledge"],  # noqa: F811 -- a fixture
) -> None:
    pytest.importorskip("flask_wtf", reason="a server that asks for credentials needs it: make mlflow")
    auth = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "of the tests", "MLFLOW_AUTH_ADMIN_PASSWORD": "correct horse"}
    server = MlflowServer(tmp_path / "guarded", "--app-name", "basic-auth", **auth).start()
    try:
        fledge = fledge_in(tmp_path / "work")
        fledge.environment |= {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_HTTP_REQUEST_TIMEOUT": "120"}
        (fledge.folder / "s.py").write_text("import fledge; fledge.log(step=1, loss=0.5)")
        done = fledge("run", "--script", "s.py", "--tracker", "mlflow", "--json")
        run = done.last["run"]
        assert done.last["state"] == "COMPLETED"
        assert done.err.count(f"the MLflow server at {server.url} asks for credentials") == 1
        assert f"fledge runs sync {run} --tracker mlflow" in done.err
        fledge.environment |= {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "wrong horse"}
        told = fledge("runs", "sync", run, status=1).err
        assert f"the MLflow server at {server.url} refuses these credentials" in told
        assert "set MLFLOW_TRACKING_USERNAME" in told
        told = fledge("models", "list", "--registry", "mlflow", status=1).err
        assert f"the MLflow server at {server.url} refuses these credentials" in told
        fledge.environment |= {"MLFLOW_TRACKING_PASSWORD": "correct horse"}
        assert fledge("runs", "sync", run, "--json").last["state"] == "COMPLETED"
    finally:
        server.kill()
