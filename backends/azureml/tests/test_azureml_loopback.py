"""A run by the real azure-ai-ml, on the loopback: it completes, on bad days too; what cannot be is said in words."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from loopback.program import WORKSPACE_CONFIG, Loopback
from submitting import Client

pytestmark = pytest.mark.azure

_HELLO = """
import os, pathlib
print("hello")
pathlib.Path(os.environ["FLEDGE_RUN_DIR"], "outputs", "x.txt").write_text("kept")
"""
_RANKS = """
import os
told = {name: os.environ["OMPI_COMM_WORLD_" + name] for name in ("RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE")}
print("rank of MPI {RANK} of {SIZE}, on its node {LOCAL_RANK} of {LOCAL_SIZE}".format(**told))
"""
_RUN = ("run", "--backend", "azureml", "--script", "hello.py", "--json")
_QUOTA = "The specified subscription has a total vCPU quota of 0 and is less than the requested cluster"


@pytest.fixture
def fledge(submit_v2: Client) -> Client:
    submit_v2.write("hello.py", _HELLO)
    return submit_v2


def test_a_run_comes_back_whole(fledge: Client, azure: Loopback) -> None:
    said = fledge(*_RUN)
    *events, last = said.lines
    assert last["state"] == "COMPLETED"
    states = [event["state"] for event in events if event["event"] == "state"]
    assert states == ["PREPARING", "RUNNING", "FINALIZING", "COMPLETED"]
    # Of the SDK nothing is heard, on either side.
    assert not any(word in said.err for word in ("experimental", "Uploading", "\x1b", "azure.ai.ml"))
    assert azure.refused() == []
    run = last["run"]
    assert "hello" in fledge("runs", "logs", run).out.splitlines()
    fledge("runs", "download", run)
    (found,) = fledge.folder.rglob("x.txt")
    assert found.read_text() == "kept"


def test_ranks_of_mpi_are_the_services_to_start(fledge: Client, azure: Loopback, tmp_path: Path) -> None:
    fledge.bring(tmp_path / "site", "plugins/horovod")
    fledge.write("hello.py", _RANKS)
    before = len(azure.seen())
    words = ("--launcher", "horovod", "--processes", "4", "--nodes", "2", "--set", "backend.size=Standard_DS3_v2")
    last = fledge(*_RUN, *words).lines[-1]
    assert last["state"] == "COMPLETED"
    (sent,) = [call["body"] for call in azure.seen()[before:] if call["method"] == "PUT" and "/jobs/" in call["path"]]
    assert sent["properties"]["distribution"] == {"distributionType": "Mpi", "processCountPerInstance": 2}
    assert sent["properties"]["resources"]["instanceCount"] == 2
    log = fledge("runs", "logs", last["run"]).out
    assert sorted(line[line.index("rank of MPI") :] for line in log.splitlines() if "rank of MPI" in line) == [
        f"rank of MPI {rank} of 4, on its node {rank % 2} of 2" for rank in range(4)
    ]


def test_a_bad_day_only_takes_longer(fledge: Client, peace: Loopback) -> None:
    before = set(peace.jobs())
    peace.trouble("GET .*/workspaces/henhouse$", status=429, headers={"Retry-After": "1"})
    peace.trouble("PUT .*/computes/", status=503)
    # The job is made, and nobody hears of it.
    peace.trouble("PUT .*/jobs/", drop=True, late=True)
    peace.trouble("GET .*/runs/.*/details", skip=1, drop=True, times=2)
    peace.trouble("GET .*/runs/.*/details", skip=2, status=429, headers={"Retry-After": "1"}, times=2)
    peace.trouble("POST .*/listSecrets", status=500)
    peace.trouble("CONNECT .*blob", skip=2, drop=True, times=3)
    assert fledge(*_RUN, "--set", "backend.cluster=stormy").lines[-1]["state"] == "COMPLETED"
    assert len(set(peace.jobs()) - before) == 1


def test_a_cluster_that_somebody_else_makes_at_the_same_moment_is_used(fledge: Client, peace: Loopback) -> None:
    conflict = {"error": {"code": "Conflict", "message": "It is being made."}}
    peace.trouble("PUT .*/computes/", status=409, body=conflict, late=True)
    assert fledge(*_RUN, "--set", "backend.cluster=shared").lines[-1]["state"] == "COMPLETED"


def test_tokens_that_are_refused_are_renewed(fledge: Client, peace: Loopback) -> None:
    peace.trouble("PUT .*/jobs/", status=401)
    peace.trouble("GET .*/runs/.*/details", status=401, skip=2)
    assert fledge(*_RUN).lines[-1]["state"] == "COMPLETED"


def test_a_machine_that_is_taken_away_is_said_to_be(fledge: Client, azure: Loopback) -> None:
    fledge.write("hello.py", "import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    run = fledge(*_RUN[:-1], "--detach").out.split()[-1]
    (name,) = [name for name in azure.jobs() if run in name]
    while "up" not in fledge("runs", "logs", run).out:
        assert azure.jobs()[name] not in ("Completed", "Failed", "Canceled")
    azure.evict(name)
    while azure.jobs()[name] != "Failed":
        pass
    (told,) = fledge("runs", "show", run, "--json").lines
    assert told["state"] == "PREEMPTED"


@pytest.mark.parametrize(
    ("match", "trouble", "words"),
    [
        ("PUT .*/computes/", (400, "BadRequest", _QUOTA), ("vCPU quota", "ask for more quota")),
        ("GET .*/workspaces/henhouse$", (403, "AuthorizationFailed", "no authorization"), ("does not allow", "role")),
        ("PUT .*/environments/", (400, "UserError", "The image is no image"), ("The image is no image",)),
    ],
    ids=["quota", "no access", "environment"],
)
def test_what_the_service_refuses_is_said(
    match: str, trouble: tuple[int, str, str], words: tuple[str, ...], fledge: Client, peace: Loopback
) -> None:
    status, code, message = trouble
    peace.trouble(match, status=status, body={"error": {"code": code, "message": message}}, times=20)
    # One that no other case has made.
    said = fledge(*_RUN, "--set", f"backend.cluster=no{code.lower()[:12]}", status=None)
    assert said.status in (1, 2)
    assert all(word in said.err for word in words), said.err


def test_who_is_not_logged_in_is_told_how(fledge: Client) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        del fledge.environment[name]
    said = fledge(*_RUN, status=2)
    assert "not logged in to Azure: no token by EnvironmentCredential" in said.err
    assert "az login" in said.err


def test_a_workspace_that_is_not_there(fledge: Client) -> None:
    fledge.write("config.json", json.dumps({**WORKSPACE_CONFIG, "workspace_name": "dovecote"}))
    said = fledge(*_RUN, status=2)
    assert "dovecote" in said.err
    assert "config.json" in said.err


def test_where_no_sdk_is_installed_it_is_said_which(fledge: Client) -> None:
    here = Client(Path(sys.executable), fledge.folder, fledge.environment)
    assert "in fledge's checkout: pip install -e 'backends/azureml[v2]'" in here(*_RUN, status=2).err


def test_what_would_be_sent_is_shown_and_not_sent(fledge: Client, azure: Loopback) -> None:
    before = len(azure.seen())
    words: list[Any] = [word if word != "--json" else "--dry-run=wire" for word in _RUN]
    said = fledge(*words)
    assert '"jobType": "Command"' in said.out
    assert '"vmSize": "Standard_NC4as_T4_v3"' in said.out
    named = fledge(*words, "--set", "backend.environment=mine").out
    assert '/environments/mine/versions/1"' in named
    assert azure.seen()[before:] == []
