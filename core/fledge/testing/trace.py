"""Trace: a digest of every tensor after every step, to find where two trainings part."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fledge.digest import tensors_sha256
from fledge.hooks import hookimpl

if TYPE_CHECKING:
    from torch import nn

FILE = "trace.jsonl"

Tensors = dict[str, str]
Steps = dict[tuple[int, int], list[Tensors]]


class Difference(NamedTuple):
    epoch: int
    step: int
    tensor: str


class TraceCompanion:
    """A companion of a worker's run that writes `trace.jsonl`: epoch, step, and a digest a tensor."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        # Whoever was killed before may have left half a line.
        os.write(self._file, b"\n")

    @hookimpl
    def step_ended(self, epoch: int, step: int, module: "nn.Module") -> None:
        tensors = {name: tensors_sha256({name: tensor})[:16] for name, tensor in module.state_dict().items()}
        os.write(self._file, (json.dumps({"epoch": epoch, "step": step, "tensors": tensors}) + "\n").encode())


def read_trace(folder: Path) -> Steps:
    """All that was seen after each step: more than once where it was done again."""
    steps: Steps = {}
    try:
        lines = (folder / FILE).read_text().splitlines()
    except FileNotFoundError:
        return steps
    for line in lines:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        steps.setdefault((told["epoch"], told["step"]), []).append(told["tensors"])
    return steps


def first_difference(one: Steps, other: Steps) -> Difference | None:
    """The first step after which any two sights of a tensor differ, and the first such tensor of it."""
    for place in sorted(one.keys() & other.keys()):
        seen = [*one[place], *other[place]]
        for name in sorted(seen[0]):
            if len({tensors[name] for tensors in seen}) > 1:
                return Difference(*place, name)
    return None
