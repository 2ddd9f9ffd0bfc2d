"""WorkspaceV1: Microsoft's SDK v1 itself speaks to the loopback, which executes what it submits.

Calls it in this process: make test-azure has it run in that SDK's environment.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from fledge import FledgeError, RunError, UsageError
from fledge_azureml.request import AzureRequest, Cluster, Distribution, Environment, WorkspaceName
from fledge_azureml.workspace import Details, Submission, Workspace
from loopback.program import WORKSPACE_CONFIG, Loopback

pytestmark = [
    pytest.mark.azure,
    # The SDK's own, of what it is built on.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(find_spec("azureml") is None, reason="SDK v1 is not installed here"),
]

NAME = WorkspaceName(**WORKSPACE_CONFIG)
CLUSTER = Cluster(name="cpu", size="Standard_DS3_v2", min_nodes=0, max_nodes=2, idle_seconds=600, priority="dedicated")
IMAGE = Environment(image="mcr.microsoft.com/somewhere", conda={"dependencies": ["python=3.11", {"pip": ["pillow"]}]})
REQUEST = AzureRequest(
    workspace=NAME,
    experiment="birds",
    cluster=CLUSTER,
    nodes=1,
    distribution=None,
    environment=IMAGE,
    requirements=(),
    wheels=(),
    argv=("python", "main.py"),
    command="python main.py",
    environment_variables={"COLOUR": "rot"},
    tags={"bird": "hen"},
    files={},
    left_out={},
)
_SPEAKS = """
import os, pathlib
print("hello", os.environ["COLOUR"], open("deep/ü.txt").read())
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/egg").write_text("white")
nest = pathlib.Path(os.environ["AZUREML_DATAREFERENCE_kept"], "tree", "nest")
nest.parent.mkdir()
nest.write_text("warm")
"""
_WAITS = "import time; print('up', flush=True); time.sleep(600)"

Send = Callable[..., Submission]


@pytest.fixture
def workspace(here: Loopback) -> Workspace:
    from fledge_azureml.workspace_v1 import WorkspaceV1

    return WorkspaceV1(NAME)


@pytest.fixture
def prepare(tmp_path: Path, request: pytest.FixtureRequest) -> Send:
    """Something to be submitted: main.py, and a file with a name of its own."""

    def prepare(code: str, **told: Any) -> Submission:
        folder = tmp_path / "code"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "ü.txt").write_text("kleiner")
        (folder / "main.py").write_text(code)
        name = f"{tmp_path.name}-{time.time_ns()}"
        return Submission(name, f"run-{name}", folder, REQUEST.model_copy(update=told))

    return prepare


def ended(workspace: Workspace, name: str) -> Details:
    while True:
        details = workspace.details(name)
        assert details is not None
        if details.ended:
            return details
        time.sleep(0.2)


def submitted(azure: Loopback, name: str) -> list[dict[str, Any]]:
    """The bodies that started it, of which there is to be one."""
    return [call["body"] for call in azure.seen() if call["query"].get("runId") == name and call["status"] == 200]


def test_a_job_is_executed_and_leaves_its_log_and_its_files(
    workspace: Workspace, prepare: Send, here: Loopback
) -> None:
    job = prepare(_SPEAKS)
    assert workspace.details(job.name) is None
    workspace.submit(job)
    workspace.submit(job)
    details = ended(workspace, job.name)
    assert details.status == "Completed"
    assert httpx.get(details.logs["user_logs/std_log.txt"], timeout=60).text == "hello rot kleiner\n"
    files = workspace.artifacts(job.name, "outputs/")
    assert {path: httpx.get(url, timeout=60).text for path, url in files.items()} == {"outputs/egg": "white"}
    kept = workspace.kept(job.run, "")
    assert {path: httpx.get(url, timeout=60).text for path, url in kept.items()} == {"tree/nest": "warm"}, (
        "a folder is no file"
    )
    (body,) = submitted(here, job.name)
    # What was shown beforehand is what was sent.
    ((_, told),) = [(where, told) for where, told in workspace.wire(job).items() if where.startswith("POST")]
    assert isinstance(told, dict)
    assert body["Configuration"] == told["Configuration"]
    patches = [call["body"] for call in here.seen() if call["method"] == "PATCH" and call["path"].endswith(job.name)]
    assert {"bird": "hen", "fledge_run": job.run} in [body.get("tags") for body in patches]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("mpi", {"framework": "Python", "communicator": "IntelMpi", "mpi": {"processCountPerNode": 2, "nodeCount": 2}}),
        # Here the SDK's number is that of all nodes.
        ("pytorch", {"framework": "PyTorch", "pytorch": {"processCount": 4, "nodeCount": 2}}),
    ],
)
def test_each_process_of_each_node_executes_the_command(
    workspace: Workspace, prepare: Send, here: Loopback, kind: str, told: dict[str, Any]
) -> None:
    code = "import os; print(os.environ.get('OMPI_COMM_WORLD_RANK') or os.environ['RANK'])"
    job = prepare(code, nodes=2, distribution=Distribution(kind=kind, processes_per_node=2))
    workspace.submit(job)
    details = ended(workspace, job.name)
    assert details.status == "Completed", details
    assert sorted(httpx.get(url, timeout=60).text for path, url in details.logs.items() if "std_log" in path) == [
        f"{rank}\n" for rank in range(4)
    ]
    (body,) = submitted(here, job.name)
    sent = body["Configuration"]
    assert sent["nodeCount"] == 2
    for key, value in told.items():
        assert (sent[key] if isinstance(value, str) else {name: sent[key][name] for name in value}) == value


def test_only_what_has_changed_is_uploaded_again(workspace: Workspace, prepare: Send, here: Loopback) -> None:
    first = prepare("print('first')")
    workspace.submit(first)
    ended(workspace, first.name)
    (first.code / "main.py").write_text("print(open('deep/ü.txt').read())")
    second = Submission(f"{first.name}-2", first.run, first.code, first.request)
    workspace.submit(second)
    details = ended(workspace, second.name)
    assert httpx.get(details.logs["user_logs/std_log.txt"], timeout=60).text == "kleiner\n"
    uploads = [call["body"]["FileNames"] for call in here.seen() if call["path"].endswith("/snapshots/getblob")]
    assert uploads[-1] == ["main.py"]


def test_a_job_can_be_canceled_and_more_than_once(workspace: Workspace, prepare: Send) -> None:
    job = prepare(_WAITS)
    workspace.submit(job)
    workspace.keep(job.run, f"canceled-{job.name}", b"")
    workspace.cancel(job.name)
    assert ended(workspace, job.name).status == "Canceled"
    workspace.cancel(job.name)
    assert list(workspace.kept(job.run, "canceled-")) == [f"canceled-{job.name}"]


def test_clusters_are_made_changed_and_deleted(workspace: Workspace) -> None:
    cluster = CLUSTER.model_copy(update={"name": "hens", "priority": "low_priority", "idle_seconds": 120})
    made = workspace.ensure(cluster)
    assert (made.cluster, made.state) == (cluster, "Succeeded")
    larger = cluster.model_copy(update={"max_nodes": 7})
    assert workspace.ensure(larger).cluster == larger
    assert larger in [one.cluster for one in workspace.clusters()]
    workspace.delete_cluster("hens")
    workspace.delete_cluster("hens")
    assert "hens" not in [one.cluster.name for one in workspace.clusters()]


def test_a_cluster_that_somebody_else_makes_at_the_same_moment_is_used(workspace: Workspace, peace: Loopback) -> None:
    cluster = CLUSTER.model_copy(update={"name": "shared"})
    conflict = {"error": {"code": "Conflict", "message": "It is being made."}}
    peace.trouble("PUT .*/computes/shared", status=409, body=conflict, late=True)
    assert workspace.ensure(cluster).cluster == cluster
    workspace.delete_cluster("shared")


def test_a_cluster_that_is_taken_and_then_fails_says_why(workspace: Workspace, peace: Loopback) -> None:
    workspace.ensure(CLUSTER.model_copy(update={"name": "roost"}))
    (made,) = [call["body"] for call in peace.seen() if call["method"] == "PUT" and call["path"].endswith("/roost")]
    workspace.delete_cluster("roost")
    why = [{"error": {"code": "SubnetFull", "message": "The subnet is full."}}]
    told = {"description": None, "resourceId": None, "isAttachedCompute": False, "provisioningErrors": why}
    inner = {"subnet": None, "errors": None, **made["properties"]["properties"]}
    failed = {**made["properties"], **told, "provisioningState": "Failed", "properties": inner}
    # Behind the first, which finds none.
    peace.trouble(
        "GET .*/computes/roost",
        status=200,
        skip=1,
        times=9,
        body={"id": "roost", "type": "computes", "tags": None, **made, "name": "roost", "properties": failed},
    )
    with pytest.raises(RunError) as raised:
        workspace.ensure(CLUSTER.model_copy(update={"name": "roost"}))
    assert raised.value.message == "Azure ML cannot make the cluster roost: The subnet is full."
    peace.peace()
    workspace.delete_cluster("roost")


def test_a_token_that_is_taken_no_longer_is_renewed(workspace: Workspace, here: Loopback) -> None:
    assert workspace.details("nowhere") is None
    here.expire()
    assert workspace.details("nowhere") is None
    here.expire()
    assert workspace.kept("nowhere", "") == {}
    here.expire()
    assert "hens" not in [one.cluster.name for one in workspace.clusters()]


@pytest.mark.parametrize(
    ("status", "message", "kind", "words"),
    [
        (400, "It is asleep.", RunError, r"cannot take the job .*: It is asleep\. \(status 400\)"),
        (400, "More quota, please.", RunError, r"cannot take the job .*: More quota, please\."),
        (403, "Not you.", UsageError, r"does not allow this account to take the job .*: Not you\."),
    ],
)
def test_what_the_service_refuses_is_said_in_words(
    workspace: Workspace,
    prepare: Send,
    peace: Loopback,
    status: int,
    message: str,
    kind: type[FledgeError],
    words: str,
) -> None:
    job = prepare("print('never')")
    body = {"error": {"code": "UserError", "message": message, "details": None}}
    peace.trouble("POST .*/snapshotrun", status=status, body=body, times=9)
    with pytest.raises(kind, match=words) as raised:
        workspace.submit(job)
    assert not raised.value.transient
    assert raised.value.hint or status == 400
    assert workspace.details(job.name) is None


def test_an_answer_that_is_lost_is_not_a_job_that_is_lost(workspace: Workspace, prepare: Send, peace: Loopback) -> None:
    job = prepare("print('once')")
    peace.trouble("POST .*/snapshotrun", drop=True, late=True)
    workspace.submit(job)
    details = ended(workspace, job.name)
    assert httpx.get(details.logs["user_logs/std_log.txt"], timeout=60).text == "once\n"


def test_a_workspace_that_there_is_not_is_named(here: Loopback) -> None:
    from fledge_azureml.workspace_v1 import WorkspaceV1

    nowhere = WorkspaceV1(NAME.model_copy(update={"workspace_name": "nowhere"}))
    with pytest.raises(UsageError, match="cannot find the workspace nowhere"):
        nowhere.details("one")


def test_an_environment_of_the_workspace_is_taken_as_it_has_it(
    workspace: Workspace, prepare: Send, here: Loopback
) -> None:
    job = prepare("print('curated')", environment=Environment(name="AzureML-Hens:7"))
    workspace.submit(job)
    assert ended(workspace, job.name).status == "Completed"
    (body,) = submitted(here, job.name)
    told = body["Configuration"]["environment"]
    assert (told["name"], told["version"]) == ("AzureML-Hens", "7")
    registry = prepare_again(job, "azureml://registries/azureml/environments/hens/versions/7")
    with pytest.raises(UsageError, match="SDK v1 knows no environments of registries"):
        workspace.submit(registry)


def prepare_again(job: Submission, environment: str) -> Submission:
    request = job.request.model_copy(update={"environment": Environment(name=environment)})
    return Submission(f"{job.name}-2", job.run, job.code, request)


_QUIET = """
import sys
from pathlib import Path
from fledge_azureml.request import AzureRequest
from fledge_azureml.workspace import Submission
from fledge_azureml.workspace_v1 import WorkspaceV1
request = AzureRequest.model_validate_json(sys.argv[1])
workspace = WorkspaceV1(request.workspace)
workspace.submit(Submission(sys.argv[2], sys.argv[2], Path(sys.argv[3]), request))
workspace.clusters(), workspace.details(sys.argv[2]), workspace.cancel(sys.argv[2])
"""


def test_it_prints_nothing_and_leaves_the_working_folder_alone(prepare: Send, here: Loopback, tmp_path: Path) -> None:
    job = prepare(_WAITS)
    folder = tmp_path / "work"
    folder.mkdir()
    # Larger than what the SDK has a warning for.
    (job.code / "large").write_bytes(b"0" * 26 * 2**20)
    words = [sys.executable, "-c", _QUIET, job.request.model_dump_json(), job.name, str(job.code)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(folder.iterdir()) == []
    # Nobody else was told of it.
    assert here.refused() == []
