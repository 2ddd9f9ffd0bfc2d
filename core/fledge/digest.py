"""One digest for a set of named tensors, wherever they are stored, or of named files."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def tensors_sha256(tensors: Mapping[str, Any]) -> str:
    """SHA-256 over torch tensors in the order of their names: name, dtype, shape and bytes of each.

    `name NUL dtype NUL shape NUL` in UTF-8 (dtype as in "float32", shape as in "64,3,7,7") goes before
    the raw little-endian bytes of the contiguous tensor. Equal for equal values on any device and in any file format.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        dtype = str(tensor.dtype).removeprefix("torch.")
        shape = ",".join(map(str, tensor.shape))
        digest.update(f"{name}\0{dtype}\0{shape}\0".encode())
        # Seen as bytes, because NumPy has no bfloat16.
        digest.update(tensor.reshape(-1).view(dtype=_uint8()).numpy())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_sha256(files: Mapping[str, Path]) -> str:
    """SHA-256 over files in the order of their names: `name NUL` in UTF-8, then the SHA-256 of the content, of each."""
    digest = hashlib.sha256()
    for name in sorted(files):
        with files[name].open("rb") as file:
            digest.update(f"{name}\0".encode(errors="surrogateescape") + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _uint8() -> Any:
    import torch

    return torch.uint8
