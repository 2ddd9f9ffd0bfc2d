"""Runs: a workspace's history of runs, which is one service whichever SDK has submitted them."""

import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote

import httpx
from fledge import RunError

from fledge_azureml.refusal import refusal
from fledge_azureml.request import WorkspaceName
from fledge_azureml.workspace import Details

# Whose tokens the service takes.
SCOPE = "https://ml.azure.com/.default"
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_UNKNOWN_CALLER, _ABSENT, _SLOWER, _AWAY = 401, 404, 429, 503
# As often is a service that names a delay asked again, and no delay is longer.
_ATTEMPTS, _LONGEST = 4, 60.0
_SPARE_SECONDS = 300


class Token(Protocol):
    """As credentials of Microsoft's give one. expires_on is in seconds since 1970."""

    @property
    def token(self) -> str: ...

    @property
    def expires_on(self) -> int: ...


class Runs:
    """give(renew) gives a token for SCOPE, by a new credential where the last one's was refused. It is asked seldom:
    some credentials start a process for each token."""

    def __init__(self, name: WorkspaceName, address: str, give: Callable[[bool], Token]) -> None:
        self._scope, self._give = scope(name), give
        self._token: Token | None = None
        self._client = httpx.Client(base_url=address, timeout=_TIMEOUT)

    def details(self, name: str) -> Details | None:
        """As `Workspace.details`."""
        told = self._ask(f"say how {name} stands", f"/history/v1.0{self._scope}/runs/{quote(name)}/details")
        if told is None:
            return None
        return Details(
            status=str(told.get("status") or ""),
            reason=_reason(told),
            ended=told.get("endTimeUtc"),
            logs=dict(sorted((told.get("logFiles") or {}).items())),
        )

    def artifacts(self, name: str, prefix: str) -> dict[str, str]:
        """As `Workspace.artifacts`."""
        listed = f"/artifact/v2.0{self._scope}/artifacts/prefix/contentinfo"
        # A folder is asked for: of half a name nobody promises anything.
        folder = "".join(prefix.rpartition("/")[:2])
        place = f"{listed}/ExperimentRun/dcid.{quote(name)}/{quote(folder)}"
        found: dict[str, str] = {}
        more: str | None = None
        while True:
            query = {"continuationToken": more} if more else {}
            told = self._ask(f"list the files of {name}", place, query) or {}
            found |= {one["path"]: one["contentUri"] for one in told.get("value") or []}
            more = told.get("continuationToken")
            if not more:
                return {path: found[path] for path in sorted(found) if path.startswith(prefix)}

    def children(self, name: str) -> list[str]:
        """As `Workspace.children`."""
        found: list[str] = []
        more: str | None = None
        while True:
            query = {"$continuationtoken": more} if more else {}
            place = f"/history/v1.0{self._scope}/runs/{quote(name)}/children"
            told = self._ask(f"list the trials of {name}", place, query) or {}
            found += [one["runId"] for one in told.get("value") or []]
            more = told.get("continuationToken")
            if not more:
                return found

    def _ask(self, doing: str, path: str, query: dict[str, str] | None = None) -> dict[str, Any] | None:
        """None where there is no such thing."""
        renewed = False
        for left in reversed(range(_ATTEMPTS)):
            try:
                answer = self._client.get(path, params=query, headers={"Authorization": f"Bearer {self._bearer()}"})
            except httpx.TransportError as error:
                raise refusal(doing, None, f"{type(error).__name__} {error}") from None
            if answer.is_success:
                return _object(doing, answer)
            if answer.status_code == _ABSENT:
                return None
            if left and answer.status_code == _UNKNOWN_CALLER and not renewed:
                self._token, renewed = self._give(True), True
            elif left and answer.status_code in (_SLOWER, _AWAY) and "retry-after" in answer.headers:
                time.sleep(delay(answer.headers["retry-after"]))
            else:
                break
        raise refusal(doing, answer.status_code, *_words(answer))

    def _bearer(self) -> str:
        token = self._token
        if token is None or not lasts(token):
            token = self._token = self._give(False)
        return token.token


def lasts(token: Token) -> bool:
    """Whether it will be good for some minutes."""
    return token.expires_on > time.time() + _SPARE_SECONDS


def scope(name: WorkspaceName) -> str:
    """How every path of the service names a workspace."""
    return (
        f"/subscriptions/{name.subscription_id}/resourceGroups/{name.resource_group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{name.workspace_name}"
    )


def delay(told: str) -> float:
    """Seconds to wait, as a header Retry-After says it; a date or nonsense is a second."""
    try:
        return min(max(float(told), 0.0), _LONGEST)
    except ValueError:
        return 1.0


def _reason(told: dict[str, Any]) -> str:
    """The first of: an error, a warning, which are how the service says why a run fails, or waits."""
    error = (told.get("error") or {}).get("error") or {}
    if error.get("message"):
        return str(error["message"]).strip()
    for warning in told.get("warnings") or []:
        if warning.get("message"):
            return str(warning["message"]).strip()
    return ""


def _object(doing: str, answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise RunError(f"Azure ML cannot {doing}: what answers at {answer.url.host} is not its run history")
    return told


def _words(answer: httpx.Response) -> tuple[str, str]:
    try:
        error = answer.json()["error"]
        return str(error.get("message") or ""), str(error.get("code") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer.text, ""
