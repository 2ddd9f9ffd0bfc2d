"""A Ray cluster on this machine: its nodes are processes, which can be killed."""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

_HOST = "127.0.0.1"
_MARK = "FLEDGE_RAY_TEST_CLUSTER"
# Above the ports of Ray's own defaults, and below those that the system hands out to whoever connects.
_PORTS = range(20_000, 32_000)
_STARTS = 4


class Cluster:
    """Whatever it starts has its mark in the environment, and nothing else has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Installed on every node, once it is there.
        self.site = folder / "site"
        told = [name for name in os.environ if name.startswith(("FLEDGE_", "PYTEST_", "RAY_"))]
        self._environment = {name: value for name, value in os.environ.items() if name not in told} | {
            _MARK: str(folder),
            # The driver is started as "python", as Ray's own documentation has it.
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.site),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "RAY_USAGE_STATS_ENABLED": "0",
            # A machine with others on it would never come to Ray's own 15.
            "RAY_worker_niceness": "0",
            # A node that is killed is missed after seconds, and not after fifteen.
            "RAY_health_check_period_ms": "1000",
            "RAY_health_check_timeout_ms": "5000",
            "RAY_health_check_failure_threshold": "5",
            # A busy machine starts a node slowly: each of these ends it for that.
            "RAY_raylet_start_wait_time_s": "300",
            "RAY_agent_register_timeout_ms": "300000",
            "RAY_worker_register_timeout_seconds": "300",
            "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",
            # Nobody looks at these, and a job starts faster without.
            "RAY_enable_metrics_collection": "0",
            "RAY_prestart_worker_first_driver": "0",
            "OMP_NUM_THREADS": "1",
        }
        self._nodes: list[subprocess.Popen[bytes]] = []
        self._logs = 0

    def start(self) -> None:
        for left in reversed(range(_STARTS)):
            self._port, dashboard = free_port(), free_port()
            self.address = f"http://{_HOST}:{dashboard}"
            words = [f"--port={self._port}", f"--dashboard-port={dashboard}", f"--dashboard-host={_HOST}"]
            words += [f"--ray-client-server-port={free_port()}", f"--temp-dir={self.folder}"]
            if self._try("--head", *words, nodes=1, must=not left):
                return

    def add_node(self) -> None:
        nodes = len(self.nodes()) + 1
        for left in reversed(range(_STARTS)):
            if self._try(f"--address={_HOST}:{self._port}", nodes=nodes, must=not left):
                return

    def kill_second(self) -> None:
        """The node that is not the head ends as a machine that loses its power: nothing of it says a word more.

        Returns once the cluster misses it.
        """
        node, before = self._nodes.pop(), len(self.nodes())
        _kill([*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)])
        node.wait()
        while len(self.nodes()) == before:
            time.sleep(0.2)

    def preempt_second(self) -> None:
        """The same, a second after Ray was told that the node will be taken away."""
        (node,) = [one["node_id"] for one in self.nodes() if not one["is_head_node"]]
        words = ["--address", f"{_HOST}:{self._port}", "--node-id", node, "--deadline-remaining-seconds", "1"]
        words += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "taken away"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "drain-node", *words]
        subprocess.run(command, env=self._environment, stdin=subprocess.DEVNULL, check=True)
        time.sleep(1)
        self.kill_second()

    def nodes(self) -> list[dict[str, Any]]:
        """Those that are alive."""
        told = httpx.get(f"{self.address}/api/v0/nodes", timeout=60).json()["data"]["result"]["result"]
        return [node for node in told if node["state"] == "ALIVE"]

    def end(self) -> None:
        while left := list(self._left()):
            _kill(left)
            time.sleep(0.1)
        for node in self._nodes:
            node.wait()

    def _left(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and process.environ().get(_MARK) == str(self.folder):
                    yield process

    def _try(self, *words: str, nodes: int, must: bool) -> bool:
        """Whether there are so many nodes with this one; not where Ray gave it up, which a busy machine has it do."""
        ports = [f"--{name}-port={free_port()}" for name in ("dashboard-agent-listen", "metrics-export")]
        # By default two nodes of one machine would give their workers the same ports.
        ports += ["--min-worker-port=0", "--max-worker-port=0", "--include-log-monitor=false"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *words, *ports, "--block"]
        command += [f"--node-ip-address={_HOST}", "--num-cpus=1", "--num-gpus=0", "--object-store-memory=100000000"]
        log = self.folder / f"start-{self._logs}.txt"
        self._logs += 1
        with log.open("wb") as out:
            node = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        while node.poll() is None:
            with suppress(httpx.TransportError, ValueError, KeyError, TypeError):
                if len(self.nodes()) >= nodes:
                    self._nodes.append(node)
                    return True
            time.sleep(0.2)
        # Shown where the test fails after all.
        print(log.read_text())
        assert not must, f"Ray gave up starting a node {_STARTS} times"
        return False


def shared(config: pytest.Config) -> Cluster:
    """The one cluster of this session's tests, of two nodes with a CPU each."""
    if _SHARED not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        config.stash[_SHARED] = stack.enter_context(_two_nodes())
    return config.stash[_SHARED]


_SHARED = pytest.StashKey[Cluster]()


@contextmanager
def _two_nodes() -> Iterator[Cluster]:
    # A test's own folder has a name too long for Ray's sockets.
    with tempfile.TemporaryDirectory(prefix="fr-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            cluster.add_node()
            yield cluster
        finally:
            cluster.end()


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


def free_port() -> int:
    while True:
        # The usual one begins anew before each test.
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as listener, suppress(OSError):
            listener.bind((_HOST, port))
            return port
