"""The loopback as the tests see it: a program that they start, the environment of its clients, and its controls."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from loopback.state import GROUP, SUBSCRIPTION, WORKSPACE

TESTS = Path(__file__).parent.parent
WORKSPACE_CONFIG = {"subscription_id": SUBSCRIPTION, "resource_group": GROUP, "workspace_name": WORKSPACE}


class Loopback:
    """python is the interpreter of the nodes that jobs run on, and of this; image what their environment has; server
    Azure's inference server, which answers at endpoints."""

    def __init__(
        self,
        folder: Path,
        azurite: Path,
        python: Path,
        image: dict[str, str] | None = None,
        server: Path | None = None,
    ) -> None:
        words = [f"{name}={value}" for name, value in (image or {}).items()]
        self._log = (folder / "loopback.log").open("wb")
        self._process = subprocess.Popen(
            [str(python), "-m", "loopback", str(folder), str(azurite), *words],
            env=os.environ | {"PYTHONPATH": str(TESTS)} | ({"LOOPBACK_SERVER": str(server)} if server else {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (folder / "loopback.log").read_text()
        self.variables: dict[str, str] = json.loads(line)
        self._client = httpx.Client(base_url=self.variables["HTTPS_PROXY"], trust_env=False, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def environment(self, base: dict[str, str]) -> dict[str, str]:
        """Of a client's process: `base`, but Azure is here."""
        kept = {name: value for name, value in base.items() if not _leads_elsewhere(name)}
        return kept | self.variables

    def seen(self) -> list[dict[str, Any]]:
        """The calls so far, each with method, host, path, query, status and body."""
        return list(self._client.get("/control/seen").json())

    def refused(self) -> list[str]:
        """Hosts that somebody wanted to reach, and that are not played."""
        return list(self._client.get("/control/refused").json())

    def jobs(self) -> dict[str, str]:
        """What was submitted, and how it stands."""
        return dict(self._client.get("/control/jobs").json())

    def stored(self, prefix: str) -> dict[str, str]:
        """The etag, which is another after each time of writing, and size of the files of the workspace's store whose
        paths begin so."""
        return dict(self._client.get("/control/stored", params={"prefix": prefix}).json())

    def trouble(self, match: str, **rule: Any) -> None:
        """`loopback.trouble.Rule`."""
        self._ask("trouble", match=match, **rule)

    def instance(self, name: str) -> None:
        """Have a compute of that name that is no cluster."""
        self._ask("instance", name=name)

    def peace(self) -> None:
        """No trouble any longer, and no instances."""
        self._ask("peace")

    def expire(self) -> None:
        """Every token that was given so far."""
        self._ask("expire")

    def evict(self, name: str, *, requeue: bool = False) -> None:
        self._ask("evict", name=name, requeue=requeue)

    def damage(self, content: bytes, *, lose: bool = False) -> bool:
        """Change, or remove, every file of this content in the workspace's store; False where there is none."""
        told = {"sha256": hashlib.sha256(content).hexdigest(), "lose": lose}
        answer = self._client.post("/control/damage", json=told)
        assert answer.is_success, answer.text
        return bool(answer.json()["damaged"])

    def close(self) -> None:
        self._client.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    def _ask(self, what: str, **told: Any) -> None:
        answer = self._client.post(f"/control/{what}", json=told)
        assert answer.is_success, answer.text


def _leads_elsewhere(name: str) -> bool:
    """One of the machine's own, by which a client would ask or trust somebody else."""
    return name.startswith(("AZURE_", "AZUREML_", "ARM_", "MSI_", "IDENTITY_")) or name.lower().endswith("_proxy")
