"""JobMlflow: the run of this very job, in the MLflow that each workspace is.

By MLflow's REST API (mlflow.org/docs/latest/rest-api.html), for which the service gives a job an address, a run and a
token. Microsoft's own plug-in for MLflow does the same, and holds MLflow to old versions.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx

from fledge_azureml.refusal import refusal

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_REFUSED = re.compile(r"[^\w.\-/ ]")
_LONGEST = 250
# As many points as the service takes at once.
_AT_ONCE = 50


@dataclass(frozen=True)
class Point:
    """time: milliseconds since 1970."""

    key: str
    value: float
    time: int
    step: int


class JobMlflow:
    """Holds no connection from one call to the next: hours may lie between them."""

    def __init__(self, address: str, run: str, token: str) -> None:
        self._address, self._run = f"{address}/api/2.0/mlflow", run
        self._headers = {"Authorization": f"Bearer {token}"}

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """None outside of a job."""
        address = environment.get("MLFLOW_TRACKING_URI", "")
        run = environment.get("MLFLOW_RUN_ID") or environment.get("AZUREML_RUN_ID")
        token = environment.get("AZUREML_RUN_TOKEN")
        if not address.startswith("azureml://") or not run or not token:
            return None
        return cls("https://" + address.removeprefix("azureml://").partition("?")[0].rstrip("/"), run, token)

    @staticmethod
    def allowed(name: str) -> str:
        """The name as MLflow takes it."""
        return _REFUSED.sub("_", name)[:_LONGEST]

    def log(self, points: Sequence[Point], tags: Mapping[str, str]) -> None:
        metrics = [{"key": p.key, "value": p.value, "timestamp": p.time, "step": p.step} for p in points]
        with self._client() as client:
            for at in range(0, len(metrics), _AT_ONCE):
                told = {"run_id": self._run, "metrics": metrics[at : at + _AT_ONCE]}
                self._ask(client, "POST", "/runs/log-batch", json=told)
            if tags:
                told = {"run_id": self._run, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
                self._ask(client, "POST", "/runs/log-batch", json=told)

    def names(self) -> list[str]:
        """The metrics that there are."""
        with self._client() as client:
            told = self._ask(client, "GET", "/runs/get", params={"run_id": self._run})
        return [metric["key"] for metric in told["run"]["data"].get("metrics") or []]

    def points(self, key: str) -> list[Point]:
        """Of one metric, all that there are."""
        found: list[Point] = []
        query = {"run_id": self._run, "metric_key": key}
        with self._client() as client:
            while True:
                told = self._ask(client, "GET", "/metrics/get-history", params=query)
                for one in told.get("metrics") or []:
                    found.append(Point(key, float(one["value"]), int(one["timestamp"]), int(one.get("step") or 0)))
                if not told.get("next_page_token"):
                    return found
                query["page_token"] = told["next_page_token"]

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._address, headers=self._headers, timeout=_TIMEOUT)

    def _ask(self, client: httpx.Client, method: str, path: str, **told: Any) -> dict[str, Any]:
        doing = "keep the run's metrics"
        try:
            answer = client.request(method, path, **told)
        except httpx.TransportError as error:
            raise refusal(doing, None, f"{type(error).__name__} {error}") from None
        if not answer.is_success:
            raise refusal(doing, answer.status_code, answer.text)
        content: dict[str, Any] = answer.json() if answer.content else {}
        return content
