"""How a run began: what it can only go on with, and what it should go on with."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import torch

from fledge.errors import DataError, RunError
from fledge.spec.run_spec import RunSpec
from fledge.training.arithmetic import Arithmetic

# Raised when a run that was begun by an earlier fledge cannot go on with this one.
_FORMAT = 3

_ANEW = "start a new run: fledge run FILE"


def beginning(
    spec: RunSpec, classes: tuple[str, ...], data: str, arithmetic: Arithmetic, processes: int
) -> dict[str, Any]:
    """Facts for a checkpoint, as JSON values. data: the images' fingerprint."""
    return {
        "format": _FORMAT,
        "spec": json.loads(json.dumps(spec.to_dict(), default=str)),
        "classes": list(classes),
        "data": data,
        "torch": torch.__version__,
        "device": arithmetic.device.type,
        "precision": arithmetic.precision,
        "threads": torch.get_num_threads(),
        "processes": processes,
    }


def check(then: Mapping[str, Any], now: Mapping[str, Any], warn: Callable[[str], None]) -> None:
    """Raises where going on would not end where the run would have ended; warns where it might not."""
    if then.get("format") != now["format"]:
        raise RunError(
            "the run was begun by another version of fledge, whose checkpoints this one cannot go on from",
            hint=f"resume it with that version, or {_ANEW}",
        )
    if _trains(then["spec"]) != _trains(now["spec"]):
        raise RunError(
            "the run's spec is not the one that its checkpoints were written under",
            hint=f"a run keeps its spec; to train with another one, {_ANEW}",
        )
    if then["data"] != now["data"] or then["classes"] != now["classes"]:
        raise DataError(
            "the images are not those that the run began with, so it cannot be taken up where it was left",
            hint=f"put them back as they were, or {_ANEW}",
        )
    for name in ("torch", "device", "precision", "processes"):
        if then.get(name, now[name]) != now[name]:
            warn(
                f"this run began with {name} {then[name]} and goes on with {now[name]}: "
                "it may end with other weights than if it had never stopped"
            )


def _trains(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What must stay: not how many processes share the work."""
    return {key: value for key, value in spec.items() if key != "launcher"}
