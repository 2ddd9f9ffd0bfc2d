"""Whole trainings on a Ray cluster of two nodes, by the command: what comes of them, and what when a node is killed."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from tests import long_run
from tests.many import close, weights, words
from tests.ray_cluster import Cluster, shared

if TYPE_CHECKING:
    from tests.conftest import Fledge

pytestmark = pytest.mark.ray

_TWO_NODES = ("--nodes", "2")


@pytest.fixture(scope="module")
def cluster(pytestconfig: pytest.Config, sample_plugin: Path) -> Cluster:
    made = shared(pytestconfig)
    made.site.symlink_to(sample_plugin)
    return made


@pytest.fixture
def on_ray(cluster: Cluster) -> tuple[str, ...]:
    storage = f"backend.storage={cluster.folder / 'storage'}"
    return ("--backend", "ray", "--set", f"backend.address={cluster.address}", "--set", storage)


def fetched(fledge: "Fledge", run: str) -> dict[str, torch.Tensor]:
    fledge("runs", "download", run, "-o", "fetched")
    return load_file(fledge.folder / "fetched" / "outputs" / "last.safetensors")


def test_a_training_ends_with_the_same_weights_as_here(
    fledge: "Fledge", on_ray: tuple[str, ...], peaceful: str
) -> None:
    told = fledge(*long_run.words(), *on_ray, "--json").last
    assert told["state"] == "COMPLETED"
    assert told["weights_sha256"] == peaceful
    assert "[completed]" in fledge("runs", "logs", told["run"]).out
    assert fetched(fledge, told["run"])


def test_two_nodes_come_to_the_weights_of_one_process_here(fledge: "Fledge", on_ray: tuple[str, ...]) -> None:
    there = fledge(*words("torchrun", 2), *_TWO_NODES, *on_ray, "--json").last
    here = fledge(*words("single", 1), "--json").last
    assert there["state"] == here["state"] == "COMPLETED"
    close(weights(fledge, here), fetched(fledge, there["run"]))
    # Which met, and so each on a node of its own.
    assert " in 2 processes" in fledge("runs", "logs", there["run"]).out


SCRIPT = """\
import os, sys, time
if os.environ["RANK"] == "1":
    sys.exit(4)
time.sleep(600)
"""


def test_what_failed_first_on_another_node_is_the_runs_error(fledge: "Fledge", on_ray: tuple[str, ...]) -> None:
    (fledge.folder / "s.py").write_text(SCRIPT)
    launched = ("--launcher", "torchrun", "--processes", "2", *_TWO_NODES)
    run = fledge("run", "--script", "s.py", *launched, *on_ray, "--json", status=1).last["run"]
    told = long_run.shown(fledge, run)
    assert told["state"] == "FAILED"
    assert told["error"].startswith("rank 1: s.py ended with exit status 4")


def test_a_run_can_be_canceled_by_the_command(fledge: "Fledge", on_ray: tuple[str, ...]) -> None:
    (fledge.folder / "s.py").write_text("import time; time.sleep(600)")
    run = fledge("run", "--script", "s.py", *on_ray, "--detach").out.strip()
    long_run.until(fledge, run, "RUNNING")
    assert fledge("runs", "cancel", run, "--json").last["state"] == "CANCELED"


def test_a_node_is_killed_and_its_training_goes_on_on_what_is_left(
    fledge: "Fledge", cluster: Cluster, on_ray: tuple[str, ...]
) -> None:
    more = ("training.checkpoint_every=3", "model.slow=0.5")
    run = fledge(*words("torchrun", 2, *more), *_TWO_NODES, *on_ray, "--detach").out.strip()
    while not list((cluster.folder / "storage").glob(f"fledge-{run}-*/files/checkpoints/*/")):
        long_run.until(fledge, run, "QUEUED", "PREPARING", "RUNNING")
        time.sleep(0.2)
    cluster.kill_second()
    try:
        lost = long_run.until(fledge, run, "LOST")
        assert "a node of the run was lost" in lost["error"]
        done = fledge("runs", "resume", run, "--processes", "1", "--nodes", "1", "--json").last
        assert done["state"] == "COMPLETED"
        assert "resumed from a checkpoint" in fledge("runs", "logs", run).out
        close(weights(fledge, fledge(*words("single", 1), "--json").last), fetched(fledge, run))
    finally:
        cluster.add_node()
