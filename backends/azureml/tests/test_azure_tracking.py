"""Metrics of a run come to the workspace, told by its job: MLflow's REST API, as the loopback plays it."""

import os
import uuid
from pathlib import Path

import httpx
import pytest
from fledge import Tracker
from fledge.interfaces.options import Options
from fledge.testing import TrackerContract
from fledge_azureml.tracker import AzureMLTracker
from loopback.program import Loopback
from loopback.state import SERVICES, WS
from submitting import Submits

pytestmark = [pytest.mark.azure, pytest.mark.timeout(600)]


@pytest.fixture
def job(here: Loopback, monkeypatch: pytest.MonkeyPatch) -> str:
    """This process is told what a job is told; returns the run's id."""
    asked = {"resource": "https://ml.azure.com"}, {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}
    token = httpx.get(os.environ["IDENTITY_ENDPOINT"], params=asked[0], headers=asked[1], timeout=60).json()[
        "access_token"
    ]
    run = f"run-{uuid.uuid4().hex}"
    for name, value in {
        "MLFLOW_TRACKING_URI": f"azureml://{SERVICES}/mlflow/v1.0{WS}?is_remote=True",
        "MLFLOW_RUN_ID": run,
        "AZUREML_RUN_TOKEN": token,
    }.items():
        monkeypatch.setenv(name, value)
    return run


class TestAzureMLTracker(TrackerContract, offer="azureml"):
    @pytest.fixture(autouse=True)
    def within_a_job(self, job: str) -> None:
        pass

    @pytest.mark.xfail(reason="a job is one run of the workspace, whatever it is told of")
    def test_two_runs_keep_apart(self, tracker: Tracker, folder: Path) -> None:
        super().test_two_runs_keep_apart(tracker, folder)


@pytest.mark.usefixtures("here")
def test_a_run_on_the_cluster_has_its_metrics_in_the_workspace(
    azure: Loopback, submits: Submits, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = submits("v2", tmp_path / "work")
    person.write("s.py", "import fledge\nfor step in range(3): fledge.log(step=step, loss=1 / (1 + step))\n")
    words = ["run", "--script", "s.py", "--backend", "azureml", "--tracker", "azureml", "--json"]
    run = person(*words, "--set", "backend.size=Standard_DS3_v2").lines[-1]
    assert run["state"] == "COMPLETED"
    (name,) = [name for name in azure.jobs() if run["run"] in name]
    monkeypatch.setenv("MLFLOW_RUN_ID", name)
    assert AzureMLTracker(Options()).history("any") == {"loss": [1.0, 1 / 2, 1 / 3]}


def test_outside_of_a_job_it_says_so(tmp_path: Path, submits: Submits) -> None:
    person = submits("v2", tmp_path / "work")
    person.write("s.py", "print('hello')")
    run = person("run", "--script", "s.py", "--tracker", "azureml", "--json").lines[-1]
    assert run["state"] == "COMPLETED"
    (line,) = [one for one in person("runs", "logs", run["run"]).out.splitlines() if "tracker 'azureml'" in one]
    # To send it by hand would lead back here.
    assert line.endswith(
        "told by a job of Azure Machine Learning alone, and this is none; leave it out here, or run it there: "
        "--backend azureml"
    )
