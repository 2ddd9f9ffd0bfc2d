"""The Ray backend on a cluster of two nodes: both at once, one that is killed, and whole trainings by the command."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fledge import Job, Resources, RunError, RunRef, RunState, Snapshot, SourceFile, UsageError
from fledge_ray.backend import Ray
from fledge_ray.options import RayOptions

from tests.ray_cluster import Cluster, free_port, two_nodes

_TALK = """
import os, socket
where = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
rank = os.environ["NODE_RANK"]
if rank == "0":
    listener = socket.create_server(where)
    print("node 1 says", listener.accept()[0].makefile().readline(), flush=True)
else:
    while True:
        try:
            line = socket.create_connection(where)
            break
        except ConnectionRefusedError:
            pass
    line.sendall(b"hello")
    line.close()
    print("said it", flush=True)
open(os.path.join(os.environ["FLEDGE_RUN_DIR"], "outputs", "rank"), "w").write(rank)
"""
_ONE_FAILS = "import os, time; print('up', flush=True); time.sleep(600) if os.environ['NODE_RANK'] == '0' else exit(3)"
_WAITS = "import time; print('up', flush=True); time.sleep(600)"
_TRAINING = (
    "dataset.train_per_class=16", "dataset.val_per_class=4", "model.weights=none", "model.image_size=32",
    "training.mode=finetune", "training.batch_size=4", "training.device=cpu", "training.checkpoint_every=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with two_nodes() as made:
        yield made


@pytest.fixture
def backend(cluster: Cluster, tmp_path: Path) -> Ray:
    return Ray(RayOptions(address=cluster.address, storage=str(cluster.folder / "storage")), tmp_path / "home")


def submit(backend: Ray, code: str, nodes: int = 2, **told: Any) -> RunRef:
    job = Job("test", ("python", "-c", code), resources=Resources(nodes, nodes), **told)
    return backend.submit(backend.plan(job), "one")


def log(backend: Ray, ref: RunRef) -> str:
    return b"".join(chunk.data for chunk in backend.logs(ref, follow=True)).decode()


def wait_until_up(backend: Ray, ref: RunRef, count: int) -> None:
    while b"".join(chunk.data for chunk in backend.logs(ref)).count(b"up") < count:
        assert not backend.status(ref).state.is_final
        time.sleep(0.2)


def test_two_nodes_reach_each_other_and_one_is_kept(backend: Ray, tmp_path: Path) -> None:
    ref = submit(backend, _TALK)
    lines = log(backend, ref).splitlines()
    assert backend.status(ref).state is RunState.COMPLETED, lines
    assert "node 1 says hello" in lines
    assert "[node 1] said it" in lines
    (fetched,) = backend.fetch(ref, "outputs/**/*", tmp_path / "fetched")
    assert fetched.read_text() == "0"


def test_a_node_that_fails_ends_the_others(backend: Ray) -> None:
    ref = submit(backend, _ONE_FAILS)
    log(backend, ref)
    status = backend.status(ref)
    assert (status.state, status.exit_code) == (RunState.FAILED, 3)
    assert "exit status 3" in status.reason


def test_canceling_reaches_every_node(backend: Ray) -> None:
    ref = submit(backend, _WAITS)
    wait_until_up(backend, ref, 2)
    assert backend.cancel(ref).state is RunState.CANCELED


def test_more_than_there_is_is_refused(backend: Ray) -> None:
    for resources, told in ((Resources(3, 3), "3 nodes x 1 CPU"), (Resources(2, 1), "1 node x 2 CPUs")):
        with pytest.raises(UsageError, match=rf"asks for {told}, and the cluster has 2 nodes x 1 CPU") as raised:
            backend.submit(backend.plan(Job("test", ("python",), resources=resources)), "one")
        assert "launcher.processes" in str(raised.value.hint)


def test_a_node_that_lacks_what_the_job_needs_is_named(backend: Ray) -> None:
    ref = submit(backend, "print('never')", 1, requirements=("fledge", "fledge-nowhere==3"))
    assert log(backend, ref) == ""
    status = backend.status(ref)
    assert status.state is RunState.FAILED
    assert "lacks fledge-nowhere==3: pip install fledge-nowhere==3 there" in status.reason


def test_more_source_than_ray_takes_is_refused(backend: Ray, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(101 * 2**20))
    with pytest.raises(UsageError, match=r"more than 100 MB packed.*large.bin is over it") as raised:
        submit(backend, "", 1, snapshot=Snapshot((SourceFile(large, "large.bin", large.stat().st_size),)))
    assert ".fledgeignore" in str(raised.value.hint)
    assert backend.find("one") is None


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    backend = Ray(RayOptions(address=address), tmp_path)
    (found,) = backend.check()
    assert found.level == "warning"
    assert found.message.startswith(f"no Ray cluster answers at {address}")
    assert "backend.address" in found.remedy
    with pytest.raises(RunError, match=f"no Ray cluster answers at {address}") as raised:
        backend.find("one")
    assert raised.value.transient


class Command:
    """`fledge` as a process, in a folder of its own."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self._cluster = folder, cluster
        # The same threads here and there: only then are sums made in the same order.
        self._environment = cluster.environment | {"XDG_CONFIG_HOME": str(folder / "config")}
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def on_ray(self) -> tuple[str, ...]:
        storage = f"backend.storage={self._cluster.folder / 'storage'}"
        return ("--backend", "ray", "--set", f"backend.address={self._cluster.address}", "--set", storage)

    def __call__(self, *words: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "fledge", *words],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def last(self, *words: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self(*words, "--json").splitlines()[-1])
        return told

    def wait(self, run: str, *states: str) -> dict[str, Any]:
        while (told := self.last("runs", "show", run))["state"] not in states:
            assert told["state"] not in ("COMPLETED", "FAILED"), told
            time.sleep(0.2)
        return told


@pytest.fixture
def fledge(cluster: Cluster, tmp_path: Path) -> Command:
    return Command(tmp_path / "work", cluster)


def train(epochs: int) -> list[str]:
    told = [word for setting in (*_TRAINING, f"training.epochs={epochs}") for word in ("--set", setting)]
    return ["run", "--dataset", "drawn-birds", "--model", "resnet18", *told]


def test_a_training_ends_with_the_same_weights_as_here(fledge: Command) -> None:
    there = fledge.last(*train(1), *fledge.on_ray)
    here = fledge.last(*train(1), "--backend", "local")
    assert there["state"] == here["state"] == "COMPLETED"
    assert there["weights_sha256"] == here["weights_sha256"] is not None
    assert "[completed]" in fledge("runs", "logs", there["run"])
    fledge("runs", "download", there["run"], "-o", "fetched")
    assert (fledge.folder / "fetched" / "outputs" / "last.safetensors").is_file()


def test_a_run_can_be_canceled_by_the_command(fledge: Command) -> None:
    (fledge.folder / "s.py").write_text(_WAITS)
    run = fledge("run", "--script", "s.py", *fledge.on_ray, "--detach").strip()
    fledge.wait(run, "RUNNING")
    assert fledge.last("runs", "cancel", run)["state"] == "CANCELED"


def test_a_node_is_killed_and_its_training_goes_on_on_what_is_left(fledge: Command, cluster: Cluster) -> None:
    # One on each node: whichever Ray places on the node that is killed is lost, and the other is not.
    runs = [fledge(*train(30), *fledge.on_ray, "--detach").strip() for _ in range(2)]
    for run in runs:
        while not list((cluster.folder / "storage").glob(f"fledge-{run}-*/files/checkpoints/*/")):
            fledge.wait(run, "QUEUED", "PREPARING", "RUNNING")
    cluster.kill_node(cluster.second)
    try:
        states: dict[str, str] = {}
        while "LOST" not in states.values():
            states = {run: fledge.last("runs", "show", run)["state"] for run in runs}
        (lost,) = [run for run in runs if states[run] == "LOST"]
        (other,) = [run for run in runs if run != lost]
        assert fledge.last("runs", "cancel", other)["state"] == "CANCELED"
        assert "a node of the run was lost" in fledge.last("runs", "show", lost)["error"]
        done = fledge.last("runs", "resume", lost)
        assert done["state"] == "COMPLETED"
        assert "resumed from a checkpoint" in fledge("runs", "logs", lost)
    finally:
        cluster.add_node()


def test_two_nodes_of_which_one_is_killed_are_lost(backend: Ray, cluster: Cluster) -> None:
    ref = submit(backend, _WAITS)
    wait_until_up(backend, ref, 2)
    cluster.kill_node(cluster.second)
    try:
        log(backend, ref)
        status = backend.status(ref)
        assert status.state is RunState.LOST
        assert "a node of the run was lost" in status.reason
        with pytest.raises(UsageError, match="the cluster has 1 node x 1 CPU"):
            submit(Ray(backend.options, backend.home / "other"), _WAITS)
    finally:
        cluster.add_node()
