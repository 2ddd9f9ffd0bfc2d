"""A Ray cluster on this machine: its nodes are processes, which can be killed."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

_HOST = "127.0.0.1"
_MARK = "FLEDGE_RAY_TEST_CLUSTER"


class Cluster:
    """Whatever it starts has its mark in the environment, and nothing else has."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._port, self._dashboard = folder, free_port(), free_port()
        self.address = f"http://{_HOST}:{self._dashboard}"
        told = [name for name in os.environ if name.startswith(("FLEDGE_", "PYTEST_", "RAY_"))]
        self.environment = {name: value for name, value in os.environ.items() if name not in told} | {
            _MARK: str(folder),
            # The driver is started as "python", as Ray's own documentation has it.
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(folder / "cache"),
            "RAY_USAGE_STATS_ENABLED": "0",
            # A machine with others on it would never come to Ray's own 15.
            "RAY_worker_niceness": "0",
            # A node that is killed is missed after seconds, and not after fifteen.
            "RAY_health_check_period_ms": "1000",
            "RAY_health_check_timeout_ms": "5000",
            "RAY_health_check_failure_threshold": "5",
            # A busy machine starts a node slowly.
            "RAY_raylet_start_wait_time_s": "300",
            "OMP_NUM_THREADS": "1",
        }
        self._nodes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        words = [f"--port={self._port}", f"--dashboard-port={self._dashboard}", f"--dashboard-host={_HOST}"]
        words += [f"--ray-client-server-port={free_port()}", f"--temp-dir={self.folder}"]
        self._start("--head", *words, nodes=1)

    def add_node(self) -> "subprocess.Popen[bytes]":
        return self._start(f"--address={_HOST}:{self._port}", nodes=len(self.nodes()) + 1)

    def kill_node(self, node: "subprocess.Popen[bytes]") -> None:
        """As a machine that loses its power: nothing of it says a word more. Returns once the cluster misses it."""
        before = len(self.nodes())
        family = [*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)]
        for process in family:
            with suppress(psutil.Error):
                process.kill()
        node.wait()
        self._nodes.remove(node)
        while len(self.nodes()) == before:
            time.sleep(0.2)

    @property
    def second(self) -> "subprocess.Popen[bytes]":
        """The node that is not the head."""
        return self._nodes[-1]

    def nodes(self) -> list[str]:
        told = httpx.get(f"{self.address}/api/v0/nodes", timeout=60).json()["data"]["result"]["result"]
        return [node["node_id"] for node in told if node["state"] == "ALIVE"]

    def end(self) -> None:
        while left := list(self._left()):
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            time.sleep(0.1)
        for node in self._nodes:
            node.wait()

    def _left(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and process.environ().get(_MARK) == str(self.folder):
                    yield process

    def _start(self, *words: str, nodes: int) -> "subprocess.Popen[bytes]":
        ports = [f"--{name}-port={free_port()}" for name in ("dashboard-agent-listen", "metrics-export")]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *words, *ports, "--block"]
        command += [f"--node-ip-address={_HOST}", "--num-cpus=1", "--num-gpus=0", "--object-store-memory=100000000"]
        log = self.folder / f"start-{len(self._nodes)}.txt"
        with log.open("wb") as out:
            node = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        self._nodes.append(node)
        while True:
            assert node.poll() is None, log.read_text()
            with suppress(httpx.TransportError, ValueError, KeyError, TypeError):
                if len(self.nodes()) >= nodes:
                    return node
            time.sleep(0.2)


@contextmanager
def two_nodes() -> Iterator[Cluster]:
    """With one CPU each."""
    # A test's own folder has a name too long for Ray's sockets.
    with tempfile.TemporaryDirectory(prefix="fr-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            cluster.add_node()
            yield cluster
        finally:
            cluster.end()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
        return port
