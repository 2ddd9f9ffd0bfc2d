"""What a rank leaves in the run's history: of a trial what it was given, and of every job how it ended."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from fledge_azureml_node.trouble import NotReadyError


def begin(history: Path, values: Mapping[str, str]) -> None:
    """`trial.json`: values, by fledge's names. Raises NotReadyError where it cannot be left: nobody would know of the
    trial."""
    try:
        _leave(history, "trial.json", {"values": values})
    except OSError as error:
        raise NotReadyError(f"what values this trial has cannot be told: {error}") from None


def leave(history: Path, rank: int, *, code: int, asked: bool, reason: str = "") -> None:
    """`ended-<rank>.json`: code is the exit code, negative for a signal's number; asked, whether it was told to stop;
    reason, why the job was not begun. A node that is lost leaves none."""
    # A full disk changes nothing about how it ended.
    with suppress(OSError):
        _leave(history, f"ended-{rank}.json", {"code": code, "asked": asked, "reason": reason})


def _leave(history: Path, name: str, told: object) -> None:
    history.mkdir(exist_ok=True)
    part, target = history.parent / f".{name}.{os.getpid()}", history / name
    part.write_text(json.dumps(told), encoding="utf-8")
    try:
        part.replace(target)
    except OSError:
        # A mount, or another disk.
        target.write_text(json.dumps(told), encoding="utf-8")
        part.unlink()
