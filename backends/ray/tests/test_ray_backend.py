"""The Ray backend on a cluster of two nodes: both at once, one that is killed, and what is refused."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from fledge import Job, Resources, RunRef, RunState, Snapshot, SourceFile, UsageError
from fledge_ray.backend import Ray
from fledge_ray.options import RayOptions

from tests.ray_cluster import Cluster, shared

pytestmark = pytest.mark.ray

_TALK = """
import os, socket
where = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
rank = os.environ["NODE_RANK"]
if rank == "0":
    print("Ray's:", [name for name in os.environ if name.startswith(("RAY_", "PYTHONUNBUFFERED", "PYTHONBREAKPOINT"))])
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


@pytest.fixture(scope="module")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    return shared(pytestconfig)


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
    assert "Ray's: []" in lines
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


def test_two_nodes_of_which_one_is_taken_away_are_preempted(backend: Ray, cluster: Cluster) -> None:
    ref = submit(backend, _WAITS)
    wait_until_up(backend, ref, 2)
    cluster.preempt_second()
    try:
        log(backend, ref)
        status = backend.status(ref)
        assert status.state is RunState.PREEMPTED, status
        assert "a node of the run was preempted" in status.reason
        with pytest.raises(UsageError, match="the cluster has 1 node x 1 CPU"):
            submit(Ray(backend.options, backend.home / "other"), _WAITS)
    finally:
        cluster.add_node()
