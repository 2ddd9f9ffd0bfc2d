"""Dashboard: the cluster's HTTP server, asked for jobs, nodes and files."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fledge import RunError

# A head node that starts processes may be slow to answer; nobody waits longer for one that is off.
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
# Within it, Ray's own for files that it passes on from another node.
_FILE_SECONDS = 3600
_ABSENT = 404
_BAD, _SERVER_ERROR = 400, 500
# Of links in a node's log folder: what Ray reads logs by, it reads a run's files by.
_LINKS = "fledge"


class UnansweredError(RunError):
    """Nothing listens at the address."""


@dataclass(frozen=True)
class Dashboard:
    """Raises RunError, marked transient where nobody answers or the server is in trouble."""

    address: str

    def version(self) -> str:
        answer = self._ask("GET", "/api/version")
        try:
            return str(answer.json()["ray_version"])
        except (ValueError, KeyError, TypeError):
            raise self._stranger() from None

    def nodes(self) -> list[dict[str, Any]]:
        """Those that are alive, each with node_id, node_ip, is_head_node and resources_total."""
        answer = self._checked(self._ask("GET", "/api/v0/nodes", params={"limit": "10000", "detail": "false"}))
        nodes: list[dict[str, Any]] = answer.json()["data"]["result"]["result"]
        return [node for node in nodes if node["state"] == "ALIVE"]

    def job(self, submission: str) -> dict[str, Any] | None:
        answer = self._ask("GET", f"/api/jobs/{submission}")
        if answer.status_code == _ABSENT:
            return None
        told: dict[str, Any] = self._checked(answer).json()
        return told

    def submit(self, told: dict[str, Any]) -> None:
        """Does nothing where there is a job of that submission_id already."""
        answer = self._ask("POST", "/api/jobs/", json=told)
        if answer.status_code == _BAD and self.job(told["submission_id"]) is not None:
            return
        self._checked(answer)

    def stop(self, submission: str) -> bool:
        """Whether there was anybody to hear it."""
        answer = self._ask("POST", f"/api/jobs/{submission}/stop")
        return answer.status_code != _ABSENT and bool(self._checked(answer).json()["stopped"])

    def upload(self, name: str, content: bytes) -> str:
        """Have the cluster keep a package until the jobs that use it have ended; returns its URI."""
        path = f"/api/packages/gcs/{name}"
        # Asking has Ray keep it for a while, though nobody uses it yet.
        answer = self._ask("GET", path)
        if answer.status_code == _ABSENT:
            answer = self._ask("PUT", path, content=content)
        self._checked(answer)
        return f"gcs://{name}"

    def names(self, node: str, pattern: str) -> list[str]:
        """The files of runs on a node that match RUN/PATTERN; none where the node is gone."""
        told = {"node_id": node, "glob": f"{_LINKS}/{pattern}"}
        answer = self._ask("GET", "/api/v0/logs", params=told)
        if answer.status_code >= _SERVER_ERROR and not self.is_alive(node):
            return []
        found = self._checked(answer).json()["data"]["result"]
        names = [name for kind in found.values() for name in kind if not name.endswith("/")]
        return sorted(name.removeprefix(f"{_LINKS}/") for name in names)

    def read(self, node: str, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        with self._file(node, name) as answer:
            if answer.is_success:
                return answer.read()
            answer.read()
        if answer.status_code >= _SERVER_ERROR and not self.names(node, name):
            return None
        self._checked(answer)
        return None

    def save(self, node: str, name: str, target: Path) -> None:
        with self._file(node, name) as answer, target.open("wb") as file:
            if not answer.is_success:
                answer.read()
                self._checked(answer)
            for piece in answer.iter_bytes():
                file.write(piece)

    def is_alive(self, node: str) -> bool:
        return node in {one["node_id"] for one in self.nodes()}

    @contextmanager
    def _file(self, node: str, name: str) -> Iterator[httpx.Response]:
        told = {"node_id": node, "filename": f"{_LINKS}/{name}", "lines": "-1", "timeout": str(_FILE_SECONDS)}
        path = self.address + "/api/v0/logs/file"
        with self._translated(), self._client() as client, client.stream("GET", path, params=told) as answer:
            yield answer

    def _ask(self, method: str, path: str, **told: Any) -> httpx.Response:
        with self._translated(), self._client() as client:
            return client.request(method, self.address + path, **told)

    def _client(self) -> httpx.Client:
        # Reading the machine's certificates takes longer than the question.
        return httpx.Client(timeout=_TIMEOUT, verify=self.address.startswith("https"))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise UnansweredError(
                f"no Ray cluster answers at {self.address}: {error}",
                hint="start it, or say where it is: --set backend.address=http://HOST:8265 (its dashboard's)",
                transient=True,
            ) from None
        except httpx.TransportError as error:
            raise RunError(
                f"the Ray cluster at {self.address} broke off: {type(error).__name__} {error}", transient=True
            ) from None

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            try:
                fine = not answer.content or json.loads(answer.content) is not None
            except ValueError:
                fine = False
            if not fine:
                raise self._stranger()
            return answer
        if answer.status_code == _ABSENT:
            raise self._stranger()
        words = [line.strip() for line in answer.text.splitlines() if line.strip()]
        raise RunError(
            f"the Ray cluster at {self.address} refuses: {words[-1] if words else answer.reason_phrase}",
            hint="its logs say more, in logs/dashboard_JobHead.log of its session's folder",
            transient=answer.status_code >= _SERVER_ERROR,
        )

    def _stranger(self) -> RunError:
        return RunError(
            f"what answers at {self.address} is no Ray dashboard",
            hint="--set backend.address=http://HOST:8265, as `ray start --head` said",
        )
