"""What is done before a run, on the loopback, by processes in which one of Microsoft's SDKs is: `fledge compute`,
`fledge run --check` and `--dry-run=wire`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback.program import Loopback
from submitting import Client, Submits

pytestmark = pytest.mark.azure

SCRIPT = "import time; print('up', flush=True); time.sleep(600)"
HENS = {
    "name": "hens", "size": "Standard_DS3_v2", "state": "Succeeded", "nodes": 0, "busy": 0, "min_nodes": 0,
    "max_nodes": 2, "idle_seconds": 600, "priority": "dedicated",
}  # fmt: skip


@pytest.fixture(params=["v2", "v1"])
def fledge(request: pytest.FixtureRequest, peace: Loopback, submits: Submits, tmp_path: Path) -> Iterator[Client]:
    """In a folder of the test's own, with a script; it finds no cluster, and leaves none behind."""
    made = submits(request.param, tmp_path / "work")
    made.write("s.py", SCRIPT)
    no_cluster(made)
    yield made
    no_cluster(made)


def no_cluster(fledge: Client) -> None:
    for one in compute(fledge, "list").lines:
        compute(fledge, "delete", one["name"], "--yes")


def compute(fledge: Client, command: str, *words: str, status: int = 0, **settings: object) -> Any:
    told = [word for key, value in settings.items() for word in ("--set", f"backend.{key}={value}")]
    return fledge("compute", command, *words, "--backend", "azureml", *told, "--json", status=status)


def run(fledge: Client, *words: str, status: int = 0, **settings: object) -> Any:
    told = [word for key, value in settings.items() for word in ("--set", f"backend.{key}={value}")]
    return fledge("run", "--script", "s.py", "--backend", "azureml", *told, *words, status=status)


def found(told: Any, level: str) -> list[str]:
    return [one["message"] for one in told.lines if one["level"] == level]


def test_a_cluster_comes_changes_and_goes(fledge: Client) -> None:
    assert compute(fledge, "list").lines == []
    made = compute(fledge, "ensure", cluster="hens", size="Standard_DS3_v2", max_nodes=2)
    assert made.lines == [HENS]
    assert "making hens: Standard_DS3_v2, 0 to 2 nodes, dedicated" in made.err
    assert compute(fledge, "ensure", cluster="hens").lines == [HENS], "what nobody has told is left as it is"
    grown = compute(fledge, "ensure", cluster="HENS", min_nodes=1, max_nodes=3, idle_seconds=120)
    assert "min_nodes 0 -> 1, max_nodes 2 -> 3, idle_seconds 600 -> 120" in grown.err
    assert compute(fledge, "list").lines == [HENS | {"nodes": 1, "min_nodes": 1, "max_nodes": 3, "idle_seconds": 120}]
    for name, other in (("size", "Standard_DS5_v2"), ("priority", "low_priority")):
        refused = compute(fledge, "ensure", cluster="hens", status=2, **{name: other}).err
        assert f"hens has backend.{name} = {HENS[name]}, which can never be changed" in refused
        assert "fledge compute delete hens" in refused
    assert compute(fledge, "delete", "Hens").lines[0]["name"] == "hens"
    assert "there is no cluster named 'hens'" in compute(fledge, "delete", "hens", status=2).err


def test_names_and_sizes_are_looked_at_before_anybody_is_asked(fledge: Client, peace: Loopback) -> None:
    before = len(peace.seen())
    assert "names no kind of machine" in compute(fledge, "ensure", size="DS3", status=2).err
    assert "Azure has retired these machines" in compute(fledge, "ensure", size="Standard_NC6", status=2).err
    assert "cannot name a cluster" in compute(fledge, "ensure", cluster="h_n", status=2).err
    assert len(peace.seen()) == before


def test_what_the_service_refuses_is_said_in_its_words(fledge: Client, peace: Loopback) -> None:
    words = "This operation exceeds the quota for Standard NCASv3_T4 Family Cores."
    peace.trouble("PUT .*computes/hens", status=400, body={"error": {"code": "QuotaExceeded", "message": words}})
    refused = compute(fledge, "ensure", cluster="hens", status=1).err
    assert words in refused
    assert "ask for more quota in the studio" in refused
    told = {"code": "BadRequest", "message": "Low priority is retired."}
    peace.trouble("PUT .*computes/hens", status=400, body={"error": told})
    refused = compute(fledge, "ensure", cluster="hens", priority="low_priority", status=1).err
    assert "Low priority is retired." in refused
    assert "backend.priority=dedicated" in refused


def test_a_cluster_at_work_is_not_deleted_by_accident(fledge: Client) -> None:
    told = run(fledge, "--detach", "--json", cluster="hens", size="Standard_DS3_v2", max_nodes=1).lines[-1]
    while not compute(fledge, "list").lines[0]["busy"]:
        # Each of these takes seconds.
        continue
    waits = run(fledge, "--check", "--json", cluster="hens", size="Standard_DS3_v2", max_nodes=1)
    assert "1 of 1 nodes work for others: the run would wait its turn" in found(waits, "warning")
    refused = compute(fledge, "delete", "hens", status=1).err
    assert "hens has 1 node at work" in refused
    fledge("runs", "cancel", told["run"])
    assert compute(fledge, "delete", "hens").lines[0]["busy"] == 0


def test_check_asks_the_workspace_and_makes_nothing(fledge: Client, peace: Loopback) -> None:
    before = len(peace.seen())
    fine = run(fledge, "--check", cluster="hens", size="Standard_DS3_v2")
    assert "cluster hens would be made: Standard_DS3_v2, 0 to 4 nodes, dedicated" in fine.out
    assert "1 x Standard_DS3_v2 take 4" in fine.out
    assert {call["method"] for call in peace.seen()[before:]} <= {"GET"}
    compute(fledge, "ensure", cluster="hens", size="Standard_DS3_v2", max_nodes=1)
    other = run(fledge, "--check", "--json", cluster="hens")
    assert any("used as it is, with size Standard_DS3_v2" in one for one in found(other, "warning"))
    many = ("--launcher", "torchrun", "--nodes", "2", "--processes", "2", "--check", "--json")
    few = run(fledge, *many, cluster="hens", size="Standard_DS3_v2", status=1)
    assert found(few, "error") == ["the run asks for 2 nodes, and cluster hens never has more than 1"]
    assert not (fledge.folder / ".fledge").exists()


def test_check_finds_what_would_keep_it_from_running(fledge: Client, peace: Loopback) -> None:
    nowhere = run(fledge, "--check", "--json", size="Standard_D64_v9", environment="nosuch", status=1)
    assert found(nowhere, "error") == [
        "the workspace's region has no Standard_D64_v9 for clusters",
        "the workspace knows no environment nosuch",
    ]
    retired = run(fledge, "--check", "--json", size="Standard_DS3_v2", priority="low_priority")
    assert found(retired, "warning") == ["low-priority machines may be refused"]
    told = {"code": "AuthorizationFailed", "message": "You may not read."}
    peace.trouble("GET .*/computes", status=403, body={"error": told})
    (barred,) = run(fledge, "--check", "--json", status=1).lines
    assert barred["level"] == "error"
    assert "You may not read." in barred["message"]
    assert "AzureML Data Scientist" in barred["remedy"]


def test_what_has_the_name_and_is_no_cluster_is_not_used(fledge: Client, peace: Loopback) -> None:
    peace.instance("desk")
    assert compute(fledge, "list").lines == []
    before = len(peace.seen())
    none = "desk is no cluster, but a compute of another kind"
    (error,) = run(fledge, "--check", "--json", status=1, cluster="desk", priority="low_priority").lines
    assert (error["level"], error["message"]) == ("error", none)
    assert "backend.cluster=NAME" in error["remedy"]
    for refused in (run(fledge, cluster="desk", status=2).err, compute(fledge, "ensure", cluster="desk", status=2).err):
        assert none in refused
        assert "making desk" not in refused
        assert "backend.cluster=NAME" in refused
    assert "PUT" not in {call["method"] for call in peace.seen()[before:]}, "nothing is made or submitted"


def test_check_counts_the_gpus_of_a_size_that_only_the_service_knows(fledge: Client) -> None:
    many = ("--launcher", "torchrun", "--nodes", "1", "--check", "--json", "--processes")
    wanted: dict[str, Any] = {"cluster": "hens", "size": "Standard_NC12_Next_v9"}
    crowded = "3 processes on a node want a GPU each, and a Standard_NC12_Next_v9 of cluster hens has 2"
    assert found(run(fledge, *many, "3", **wanted, status=1), "error") == [crowded]
    assert found(run(fledge, *many, "2", **wanted), "error") == []
    compute(fledge, "ensure", **wanted)
    (error,) = [one for one in run(fledge, *many, "3", **wanted, status=1).lines if one["level"] == "error"]
    assert (error["message"], "backend.cluster=NAME" in error["remedy"]) == (crowded, True)
    # Of a machine without GPUs they share the cores.
    assert found(run(fledge, *many, "3", cluster="cocks", size="Standard_DS3_v2"), "error") == []


def test_the_wire_is_shown_without_asking_anybody(fledge: Client, peace: Loopback) -> None:
    before = len(peace.seen())
    (bodies,) = run(fledge, "--dry-run=wire", "--json", cluster="hens", size="Standard_DS3_v2").lines
    assert len(peace.seen()) == before
    made = next(body for call, body in bodies.items() if call.startswith("PUT ") and "/computes/hens" in call)
    assert made["properties"]["properties"]["vmSize"] == "Standard_DS3_v2"
    assert "python -m fledge_azureml_node" in json.dumps(bodies)
    assert json.loads(run(fledge, "--dry-run=wire", cluster="hens", size="Standard_DS3_v2").out).keys() == bodies.keys()


def test_the_family_of_a_size_has_its_quota(submits: Submits, tmp_path: Path) -> None:
    fledge = submits("v2", tmp_path / "work")
    fledge.write("s.py", SCRIPT)
    no_cluster(fledge)
    none = run(fledge, "--check", "--json", size="Standard_NC24ads_A100_v4", status=1)
    (told,) = found(none, "error")
    assert told.startswith("quota, standardNCADSA100v4Family")
    assert told.endswith("0 of 0 cores are left, and 1 x Standard_NC24ads_A100_v4 take 24")


def test_that_support_of_sdk_v1_has_ended_is_said_once(submits: Submits, tmp_path: Path) -> None:
    ended = "azureml: speaking by Microsoft's SDK v1, whose support ended on 2026-06-30"
    old, new = submits("v1", tmp_path / "v1"), submits("v2", tmp_path / "v2")
    old.write("s.py", "print('hello')")
    # It connects to submit, and again to follow.
    for words in (("compute", "list", "--backend", "azureml"), ("run", "--script", "s.py", "--backend", "azureml")):
        assert old(*words).err.count(ended) == 1
    # As large as none that others ask for by the same name.
    no_cluster(new)
    assert ended not in new("compute", "list", "--backend", "azureml").err
