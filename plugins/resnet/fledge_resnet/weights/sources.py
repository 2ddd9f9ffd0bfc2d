"""Where torchvision itself finds its weights: torch's own cache, and torchvision's host."""

from pathlib import Path

import torch
from fledge import DataError, Progress, file_sha256

from fledge_resnet.weights.absent import AbsentError
from fledge_resnet.weights.checkpoint import read_checkpoint
from fledge_resnet.weights.pins import Pin
from fledge_resnet.weights.state_dict import Pretrained, conform

# The largest of the three files has 98 MB.
_MAX_BYTES = 128 * 1024 * 1024


def torch_cache_path(pin: Pin) -> Path:
    """Where torch.hub looks, and where a person may put the file: below TORCH_HOME or the user's cache."""
    return Path(torch.hub.get_dir()) / "checkpoints" / pin.file


def from_torch_cache(pin: Pin) -> Pretrained:
    """Raises AbsentError where the file is not there, DataError where it is not the right one."""
    path = torch_cache_path(pin)
    if not path.is_file():
        raise AbsentError("no such file")
    return _verified(pin, path, _sha256(path), str(path))


def from_host(pin: Pin, cache: Path, progress: Progress) -> Pretrained:
    """Raises AbsentError where the host does not answer, DataError where it sends something else."""
    from fledge import download  # brings an HTTP client along, which most runs never need

    path = cache / pin.file
    try:
        # One attempt: on a network without this host the next source should have its turn at once.
        # What a broken transfer left in the cache is continued by the next run.
        sha256 = download(pin.url, path, max_bytes=_MAX_BYTES, progress=progress, attempts=1)
    except DataError as error:
        raise AbsentError(error.message, transient=error.transient) from error
    try:
        return _verified(pin, path, sha256, pin.url)
    finally:
        # Right weights are kept as safetensors, wrong ones not at all.
        path.unlink(missing_ok=True)


def _verified(pin: Pin, path: Path, sha256: str, source: str) -> Pretrained:
    pin.check_file(sha256)
    tensors = conform(pin.architecture, read_checkpoint(path), str(path))
    return Pretrained(tensors, source, pin.check_tensors(tensors))


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror or error}") from error
