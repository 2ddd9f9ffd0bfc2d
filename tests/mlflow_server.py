"""An MLflow server of the tests' own: on loopback, with a file behind it, to be killed and started again."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from tests.ray_cluster import free_port

_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


class MlflowServer:
    """more are further words of `mlflow server`."""

    def __init__(self, folder: Path, *more: str, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._more = more
        self._environment = os.environ | _QUIET | environment
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> "MlflowServer":
        """Until it answers."""
        words = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1", *self._more]
        stored = ["--backend-store-uri", f"sqlite:///{self._folder}/server.db"]
        stored += ["--artifacts-destination", str(self._folder / "artifacts")]
        with (self._folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *words, *stored],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log.txt").read_text()
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """With all its processes, at once."""
        assert self._process is not None
        whole = [*psutil.Process(self._process.pid).children(recursive=True), psutil.Process(self._process.pid)]
        for one in whole:
            one.kill()
        psutil.wait_procs(whole)
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
