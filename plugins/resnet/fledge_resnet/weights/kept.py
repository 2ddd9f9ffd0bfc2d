"""The verified copy in fledge's cache: one safetensors file an architecture, its origin and digest in its header."""

from pathlib import Path

from fledge import DataError, tensors_sha256, write_atomic
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fledge_resnet.weights.absent import AbsentError
from fledge_resnet.weights.pins import Pin
from fledge_resnet.weights.state_dict import Pretrained, conform


def kept_path(pin: Pin, cache: Path) -> Path:
    return cache / f"{pin.architecture}-imagenet.safetensors"


def read_kept(pin: Pin, cache: Path) -> Pretrained:
    """Raises AbsentError where nothing was kept yet, DataError where it is no longer what was written."""
    path = kept_path(pin, cache)
    if not path.exists():
        raise AbsentError("nothing kept yet")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- not a mapping
    except (OSError, SafetensorError) as error:
        raise DataError(f"the file is damaged: {error}") from error
    digest = pin.check_tensors(conform(pin.architecture, tensors, "the file"))
    if digest != header.get("sha256"):
        raise DataError("the file is damaged: its tensors are not those that were written")
    return Pretrained(tensors, header.get("source", "unknown"), digest)


def keep(pin: Pin, cache: Path, pretrained: Pretrained) -> None:
    """Atomic: a reader sees the whole file or none."""
    tensors = {name: tensor.contiguous() for name, tensor in pretrained.tensors.items()}
    header = {"source": pretrained.source, "sha256": tensors_sha256(tensors)}
    path = kept_path(pin, cache)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, save(tensors, header))
