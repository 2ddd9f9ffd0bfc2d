"""From whatever a checkpoint held to the tensors of one architecture, or a clear word about why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fledge import DataError, tensors_sha256
from torch import Tensor

from fledge_resnet.architecture import KNOWN, shapes
from fledge_resnet.weights.checkpoint import read_checkpoint


@dataclass(frozen=True)
class Pretrained:
    """Parameters and batch-norm statistics by torchvision's names, where they came from, and their digest."""

    tensors: dict[str, Tensor]
    source: str
    sha256: str


def from_file(architecture: str, path: Path) -> Pretrained:
    """A person's own checkpoint. Raises DataError where it cannot be read or does not fit."""
    tensors = conform(architecture, read_checkpoint(path), str(path))
    return Pretrained(tensors, str(path), tensors_sha256(tensors))


def conform(architecture: str, held: object, where: str) -> dict[str, Tensor]:
    """All parameters and batch-norm statistics in `held`, a state dict, fit for `architecture`.

    A state dict one level down, under "state_dict", and names that begin with "module." are
    understood. A classifier (fc) may be of any shape, or absent: it is replaced in any case.

    Raises DataError naming the first few tensors that are missing, unexpected or of another shape.
    """
    state = {
        name: tensor
        for name, tensor in _tensors(held, where).items()
        if not name.endswith("num_batches_tracked")  # a counter, absent from older checkpoints
    }
    backbone = {name: tuple(tensor.shape) for name, tensor in state.items() if not name.startswith("fc.")}
    expected = shapes(architecture)
    if backbone != expected:
        likely = next((known for known in KNOWN if shapes(known) == backbone), None)
        raise DataError(
            f"{where} does not fit {architecture}: {_difference(backbone, expected)}",
            hint=f"this file holds a {likely}" if likely else f"torchvision's {architecture} state dict is expected",
        )
    numbers = [name for name, tensor in state.items() if not tensor.is_floating_point()]
    if numbers:
        raise DataError(f"{where} does not fit {architecture}: {numbers[0]} is {state[numbers[0]].dtype}, not float")
    return state


def _tensors(held: object, where: str) -> dict[str, Tensor]:
    if isinstance(held, Mapping) and isinstance(held.get("state_dict"), Mapping):
        held = held["state_dict"]
    if not isinstance(held, Mapping) or not held:
        raise DataError(f"{where} holds no state dict but {_kind(held)}", hint="a state dict maps names to tensors")
    for name, value in held.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise DataError(
                f"{where} holds no state dict: its entry {name!r} is {_kind(value)}",
                hint="a state dict maps names to tensors, at the top or under the key 'state_dict'",
            )
    return {name.removeprefix("module."): tensor.detach() for name, tensor in held.items()}


def _kind(value: object) -> str:
    return "nothing" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def _difference(found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> str:
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    differing = [
        f"{name} {list(found[name])} instead of {list(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    named = [("missing", missing), ("unexpected", unexpected), ("of another shape", differing)]
    return "; ".join(f"{len(names)} {what} ({_few(names)})" for what, names in named if names)


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
