"""WorkspaceV1's sweeps: Microsoft's SDK v1 itself speaks HyperDrive to the loopback, which draws and executes.

Calls it in this process: make test-azure has it run in that SDK's environment.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure_upload import RUN_DIR, upload
from fledge import RunError
from fledge_azureml.request import (
    AzureRequest,
    Cluster,
    Distribution,
    EarlyEnd,
    Environment,
    Parameter,
    SearchRequest,
    WorkspaceName,
)
from fledge_azureml.workspace import Details, Submission, Workspace
from loopback.program import WORKSPACE_CONFIG, Loopback

pytestmark = [
    pytest.mark.azure,
    # The SDK's own, of what it is built on.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(find_spec("azureml") is None, reason="SDK v1 is not installed here"),
]

SIZE = Parameter(name="training_batch_size", key="training.batch_size", kind="choice", whole=True, values=(8, 16))
SEARCH = SearchRequest(
    parameters=(
        Parameter(name="training_lr", key="training.lr", kind="uniform", low=0.25, high=0.5),
        Parameter(name="training_momentum", key="training.momentum", kind="loguniform", low=-0.2, high=-0.1),
        SIZE,
        Parameter(name="seed", key="seed", kind="quniform", whole=True, low=0.5, high=9.5),
        Parameter(name="model_name", key="model.name", kind="choice", values=("it's", "two words", "true")),
    ),
    sampling="random",
    seed=7,
    early_end=None,
    metric="val_acc",
    goal="maximize",
    trials=4,
    parallel=2,
)
SEED = Parameter(name="seed", key="seed", kind="choice", whole=True, values=(1, 2))
FEW = SEARCH.model_copy(update={"parameters": (SEED,), "sampling": "grid", "trials": 2})
REQUEST = AzureRequest(
    workspace=WorkspaceName(**WORKSPACE_CONFIG),
    experiment="birds",
    cluster=Cluster(
        name="sweeps", size="Standard_DS3_v2", min_nodes=0, max_nodes=4, idle_seconds=600, priority="dedicated"
    ),
    nodes=1,
    distribution=None,
    environment=Environment(image="mcr.microsoft.com/somewhere", conda={"dependencies": ["python=3.11"]}),
    requirements=(),
    wheels=(),
    argv=(),
    command="python -m fledge_azureml_node",
    environment_variables={"COLOUR": "red"},
    tags={"bird": "hen"},
    files={},
    left_out={},
    search=SEARCH,
)
# Tells the service's MLflow of a metric, as the tracker of the workspace does.
_TELLS = (
    RUN_DIR
    + """
import httpx
def tell(*values, key="val_acc"):
    told = [{"key": key, "value": value, "timestamp": 0, "step": step} for step, value in enumerate(values)]
    place = os.environ["MLFLOW_TRACKING_URI"].replace("azureml://", "https://").partition("?")[0]
    headers = {"Authorization": "Bearer " + os.environ["AZUREML_RUN_TOKEN"]}
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "metrics": told}
    httpx.post(place + "/api/2.0/mlflow/runs/log-batch", json=body, headers=headers, timeout=60).raise_for_status()
"""
)
_KEEPS = RUN_DIR + "(run / 'outputs' / 'egg').write_text(os.environ['COLOUR'])\nprint(*sys.argv[1:], sep='|')"
_WAITS = RUN_DIR + "print('up', flush=True)\ntime.sleep(600)"

Prepare = Callable[..., Submission]


@pytest.fixture
def workspace(here: Loopback) -> Workspace:
    from fledge_azureml.workspace_v1 import WorkspaceV1

    return WorkspaceV1(REQUEST.workspace)


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """A sweep to be submitted, whose trials execute the code with all of the values as words."""

    def prepare(code: str, search: SearchRequest = SEARCH, processes_per_node: int = 1, **told: Any) -> Submission:
        words = [f"{one.key}={{{{{one.key}}}}}" for one in search.parameters]
        values = {one.name: {"key": one.key, "whole": one.whole} for one in search.parameters}
        folder = upload(
            tmp_path / "code", argv=["python", "-c", code, *words], values=values, processes_per_node=processes_per_node
        )
        name = f"{tmp_path.name}-{time.time_ns()}"
        return Submission(name, name, folder, REQUEST.model_copy(update={"search": search, **told}))

    return prepare


def until(workspace: Workspace, name: str, *states: str) -> Details:
    while True:
        details = workspace.details(name)
        if details is not None and details.status in states:
            return details
        time.sleep(0.1)


def ended(workspace: Workspace, name: str) -> Details:
    return until(workspace, name, "Completed", "Failed", "Canceled")


def told(workspace: Workspace, trial: str) -> dict[str, str]:
    """What it says that it was given."""
    url = workspace.artifacts(trial, "outputs/trial.json")["outputs/trial.json"]
    values: dict[str, str] = json.loads(httpx.get(url, timeout=60).text)["values"]
    return values


def submitted(azure: Loopback, name: str) -> list[dict[str, Any]]:
    """The bodies that started it, of which there is to be one."""
    return [call["body"] for call in azure.seen() if call["path"].endswith(f"/hdruns/{name}") and call["status"] == 201]


def test_trials_have_the_values_that_the_service_drew(workspace: Workspace, prepare: Prepare, here: Loopback) -> None:
    sweep = prepare(_KEEPS)
    assert workspace.children(sweep.name) == []
    workspace.submit_sweep(sweep)
    workspace.submit_sweep(sweep)
    details = ended(workspace, sweep.name)
    assert (details.status, details.reason) == ("Completed", "")
    trials = workspace.children(sweep.name)
    assert sorted(trials) == [f"{sweep.name}_{number}" for number in range(4)]
    for trial in trials:
        details = ended(workspace, trial)
        assert details.status == "Completed", details
        values = told(workspace, trial)
        words = httpx.get(details.logs["user_logs/std_log.txt"], timeout=60).text
        assert words == "|".join(f"{key}={value}" for key, value in values.items()) + "\n"
        assert 0.25 <= float(values["training.lr"]) <= 0.5
        assert 0.81 <= float(values["training.momentum"]) <= 0.91
        assert values["training.batch_size"] in ("8", "16")
        assert values["seed"] in map(str, range(1, 10))
        assert values["model.name"] in ("it's", "two words", "true")
        kept = workspace.kept(f"{sweep.run}/{trial}", "files/outputs/")
        assert {path: httpx.get(url, timeout=60).text for path, url in kept.items()} == {"files/outputs/egg": "red"}
    assert len({told(workspace, trial)["training.lr"] for trial in trials}) == 4
    assert len(submitted(here, sweep.name)) == 1
    patches = [call["body"] for call in here.seen() if call["method"] == "PATCH" and call["path"].endswith(sweep.name)]
    assert {"bird": "hen", "fledge_run": sweep.run} in [body.get("tags") for body in patches]


def test_what_is_sent_is_what_was_shown_beforehand(workspace: Workspace, prepare: Prepare, here: Loopback) -> None:
    early = EarlyEnd(slack_factor=0.15, evaluation_interval=2, delay_evaluation=10)
    sweep = prepare("pass", SEARCH.model_copy(update={"early_end": early, "goal": "minimize"}), nodes=2)
    shown = workspace.wire(sweep)
    address = [where for where in shown if where.startswith("POST")]
    workspace.submit_sweep(sweep)
    (body,) = submitted(here, sweep.name)
    workspace.cancel(sweep.name)
    assert [where.endswith(f"/experiments/birds/hdruns/{sweep.name}") for where in address] == [True]
    assert body["generator_config"] == {
        "name": "RANDOM",
        "parameter_space": {
            "--training_lr": ["uniform", [0.25, 0.5]],
            "--training_momentum": ["loguniform", [-0.2, -0.1]],
            "--training_batch_size": ["choice", [[8, 16]]],
            "--seed": ["quniform", [0.5, 9.5, 1]],
            "--model_name": ["choice", [["it's", "two words", "true"]]],
        },
    }
    assert body["policy_config"] == {
        "name": "Bandit",
        "properties": {"slack_factor": 0.15, "evaluation_interval": 2, "delay_evaluation": 10},
    }
    assert body["primary_metric_config"] == {"name": "val_acc", "goal": "minimize"}
    assert [body[limit] for limit in ("max_total_jobs", "max_concurrent_jobs")] == [4, 2]
    trial = body["platform_config"]["Definition"]["Overrides"]
    # By a command it would be started without its values.
    assert (trial["script"], trial["arguments"], trial["command"]) == ("fledge_azureml_node/script.py", [], "")
    assert (trial["target"], trial["nodeCount"], trial["environmentVariables"]) == ("sweeps", 2, {"COLOUR": "red"})
    assert trial["dataReferences"]["kept"]["pathOnDataStore"] == f"fledge/{sweep.run}"
    told = shown[address[0]]
    assert isinstance(told, dict)
    # The rest of it is the workspace's, and the SDK's own word to its makers.
    definition = {name: body["platform_config"]["Definition"][name] for name in ("Overrides", "SnapshotId")}
    sent = {**body, "platform_config": {"Definition": {**definition, "SnapshotId": "SNAPSHOT"}}}
    assert {name: sent[name] for name in told} == told
    assert set(sent) - set(told) == {"user"}


def test_a_grid_is_walked_through_and_has_no_policy(workspace: Workspace, prepare: Prepare, here: Loopback) -> None:
    other = Parameter(name="training_lr", key="training.lr", kind="choice", values=(0.5, 1))
    sweep = prepare("pass", SEARCH.model_copy(update={"parameters": (SIZE, other), "sampling": "grid"}))
    workspace.submit_sweep(sweep)
    assert ended(workspace, sweep.name).status == "Completed"
    found = [told(workspace, f"{sweep.name}_{number}") for number in range(4)]
    assert [tuple(values.values()) for values in found] == [("8", "0.5"), ("8", "1"), ("16", "0.5"), ("16", "1")]
    (body,) = submitted(here, sweep.name)
    assert (body["generator_config"]["name"], body["policy_config"]) == ("GRID", {"name": "Default"})


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_the_service_stops_who_lags_behind(workspace: Workspace, prepare: Prepare, goal: str) -> None:
    best, near, far = (0.9, 0.8, 0.1) if goal == "maximize" else (0.8, 0.9, 1.6)
    # Who is far off goes on until it is stopped; before that each has its time to catch up.
    code = _TELLS + (
        f"value = float(sys.argv[1].partition('=')[2])\ntell({far}, value)\n"
        f"while value == {far}:\n    time.sleep(0.2)\n    tell(value)\n"
    )
    lr = Parameter(name="training_lr", key="training.lr", kind="choice", values=(far, near, best))
    early = EarlyEnd(slack_factor=0.2, evaluation_interval=1, delay_evaluation=2)
    search = {"parameters": (lr,), "sampling": "grid", "early_end": early, "goal": goal, "trials": 3, "parallel": 3}
    sweep = prepare(code, SEARCH.model_copy(update=search))
    workspace.submit_sweep(sweep)
    assert ended(workspace, sweep.name).status == "Completed"
    states = [ended(workspace, f"{sweep.name}_{number}").status for number in range(3)]
    assert states == ["Canceled", "Completed", "Completed"]


def test_each_rank_of_a_trial_has_its_values(workspace: Workspace, prepare: Prepare) -> None:
    code = "import os, sys; print(os.environ['RANK'], sys.argv[1])"
    spread = Distribution(kind="pytorch", processes_per_node=2)
    search = SEARCH.model_copy(update={"parameters": (SIZE,), "trials": 1})
    sweep = prepare(code, search, distribution=spread, nodes=2, processes_per_node=2)
    workspace.submit_sweep(sweep)
    assert ended(workspace, sweep.name).status == "Completed"
    details = ended(workspace, f"{sweep.name}_0")
    assert details.status == "Completed", details
    size = told(workspace, f"{sweep.name}_0")["training.batch_size"]
    logs = [httpx.get(url, timeout=60).text for path, url in details.logs.items() if "std_log" in path]
    assert sorted(logs) == [f"{rank} training.batch_size={size}\n" for rank in range(4)]


def test_a_sweep_is_canceled_with_its_trials_and_begins_no_more(workspace: Workspace, prepare: Prepare) -> None:
    sweep = prepare(_WAITS)
    workspace.submit_sweep(sweep)
    for number in range(2):
        until(workspace, f"{sweep.name}_{number}", "Running")
    assert len(workspace.children(sweep.name)) == SEARCH.parallel
    workspace.cancel(sweep.name)
    workspace.cancel(sweep.name)
    assert ended(workspace, sweep.name).status == "Canceled"
    workspace.cancel(sweep.name)
    trials = workspace.children(sweep.name)
    assert len(trials) == SEARCH.parallel
    assert [ended(workspace, trial).status for trial in trials] == ["Canceled", "Canceled"]


def test_a_trial_can_be_canceled_alone_and_the_sweep_goes_on(workspace: Workspace, prepare: Prepare) -> None:
    sweep = prepare("import sys, time; time.sleep(600 if 'seed=1' in sys.argv[1:] else 0)", FEW)
    workspace.submit_sweep(sweep)
    until(workspace, f"{sweep.name}_0", "Running")
    workspace.cancel(f"{sweep.name}_0")
    assert ended(workspace, sweep.name).status == "Completed"
    assert ended(workspace, f"{sweep.name}_0").status == "Canceled"
    assert ended(workspace, f"{sweep.name}_1").status == "Completed"


def test_an_answer_that_is_lost_is_not_a_sweep_that_is_lost(
    workspace: Workspace, prepare: Prepare, peace: Loopback
) -> None:
    sweep = prepare("pass", FEW)
    peace.trouble("POST .*/hdruns/", drop=True, late=True, times=9)
    workspace.submit_sweep(sweep)
    peace.peace()
    workspace.submit_sweep(sweep)
    assert ended(workspace, sweep.name).status == "Completed"
    assert len(workspace.children(sweep.name)) == 2


def test_a_token_that_is_taken_no_longer_is_renewed(workspace: Workspace, prepare: Prepare, here: Loopback) -> None:
    sweep = prepare(_WAITS, FEW)
    assert workspace.children(sweep.name) == []
    here.expire()
    workspace.submit_sweep(sweep)
    until(workspace, f"{sweep.name}_1", "Running")
    here.expire()
    assert len(workspace.children(sweep.name)) == 2
    here.expire()
    workspace.cancel(sweep.name)
    assert ended(workspace, sweep.name).status == "Canceled"
    assert len(submitted(here, sweep.name)) == 1


_CALLS: dict[str, Callable[[Workspace, Submission], object]] = {
    "take the job": lambda workspace, sweep: workspace.submit_sweep(sweep),
    "cancel": lambda workspace, sweep: workspace.cancel(sweep.name),
    "list the trials of": lambda workspace, sweep: workspace.children(sweep.name),
}
_OTHERS_WORDS = {"error": {"code": "UserError", "message": "It is asleep."}}


@pytest.mark.parametrize(
    ("doing", "trouble", "body"),
    [
        ("take the job", "POST .*/hdruns/", {"code": 400, "message": "It is asleep."}),
        ("cancel", "POST .*/cancel", {"code": 400, "message": "It is asleep."}),
        ("list the trials of", "GET .*/children", _OTHERS_WORDS),
    ],
)
def test_what_the_service_refuses_is_said_in_words(
    workspace: Workspace, prepare: Prepare, peace: Loopback, doing: str, trouble: str, body: dict[str, Any]
) -> None:
    sweep = prepare(_WAITS, FEW)
    if doing != "take the job":
        workspace.submit_sweep(sweep)
    peace.trouble(trouble, status=400, body=body, times=9)
    with pytest.raises(RunError, match=rf"cannot {doing} .*: It is asleep\. \(status 400\)") as raised:
        _CALLS[doing](workspace, sweep)
    assert not raised.value.transient
    peace.peace()
    workspace.cancel(sweep.name)


_QUIET = """
import sys, warnings
from pathlib import Path
from fledge_azureml.request import AzureRequest
from fledge_azureml.workspace import Submission
from fledge_azureml.workspace_v1 import WorkspaceV1
printing = warnings.formatwarning
request = AzureRequest.model_validate_json(sys.argv[1])
workspace = WorkspaceV1(request.workspace)
workspace.submit_sweep(Submission(sys.argv[2], sys.argv[2], Path(sys.argv[3]), request))
workspace.children(sys.argv[2]), workspace.cancel(sys.argv[2])
assert warnings.formatwarning is printing
"""


def test_it_prints_nothing_and_leaves_the_process_and_its_folder_alone(
    prepare: Prepare, here: Loopback, tmp_path: Path
) -> None:
    sweep = prepare(_WAITS)
    folder = tmp_path / "work"
    folder.mkdir()
    words = [sys.executable, "-c", _QUIET, sweep.request.model_dump_json(), sweep.name, str(sweep.code)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(folder.iterdir()) == []
    # Nobody else was told of it.
    assert here.refused() == []
