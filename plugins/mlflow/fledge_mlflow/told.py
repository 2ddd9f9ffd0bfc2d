"""What the journal says besides metrics, as MLflow's params and tags."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fledge_mlflow.names import allowed, flat

_LONGEST_PARAM = 6000


def params(values: Mapping[str, Any]) -> dict[str, str]:
    """Nested values by their dotted names; one that is too long for MLflow is cut, and says so."""
    return {allowed(key): _cut(_text(value)) for key, value in flat(values)}


def changed(new: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    """Tags of the params that have another value now: MLflow keeps the first."""
    return {allowed(f"fledge.changed.{key}"): value for key, value in new.items() if key in kept and kept[key] != value}


def without_secrets(event: Mapping[str, Any]) -> dict[str, Any]:
    """A lineage as it may be shown: who may fetch from git's remote is left out of its address."""
    git = event.get("git")
    return {**event, "git": {**git, "remote": _without_password(git.get("remote"))} if git else None}


def lineage(event: Mapping[str, Any]) -> dict[str, str]:
    """Tags: the git state under MLflow's own names, the rest under fledge's. Of packages, a file tells."""
    git = event.get("git") or {}
    told = {
        "mlflow.source.git.commit": git.get("commit"),
        "mlflow.source.git.branch": git.get("branch"),
        "mlflow.source.git.repoURL": git.get("remote"),
        "fledge.git.dirty": git.get("dirty"),
        "fledge.overrides": event.get("overrides"),
        "fledge.seed": event.get("seed"),
        **{allowed(f"fledge.hardware.{key}"): value for key, value in flat(event.get("hardware") or {})},
    }
    return {key: _text(value) for key, value in told.items() if value not in (None, "", [])}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_PARAM:
        return text
    mark = f"… ({len(text)} characters)"
    return text[: _LONGEST_PARAM - len(mark)] + mark


def _without_password(remote: str | None) -> str | None:
    """A remote of git's without who may fetch from it."""
    if not remote or "://" not in remote:
        return remote
    parts = urlsplit(remote)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
