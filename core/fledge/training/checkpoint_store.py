"""CheckpointStore: the checkpoints of a run, on disk.

`checkpoints/<epoch>-<step>-<digest>/` holds checkpoint.json, state.safetensors, and links to the best model's files
so far. The digest (16 hex digits of SHA-256) is that of checkpoint.json, which names the SHA-256 of every other file:
what is damaged cannot pass for whole. A folder appears in one step, and the last two are kept.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from fledge.atomic import sync_folder, write_atomic
from fledge.digest import file_sha256

KEPT = 2
_NAME = re.compile(r"\d{6}-\d{8}-([0-9a-f]{16})")
_MANIFEST = "checkpoint.json"
_TENSORS = "state.safetensors"


class _DamagedError(Exception):
    pass


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and told: JSON values. folder is where it lies."""

    folder: Path
    tensors: Mapping[str, Tensor]
    told: Mapping[str, Any]


class CheckpointStore:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stage(self, files: Iterable[Path]) -> Path:
        """A folder for the next checkpoint with links to `files` as they are now, whatever replaces them later."""
        self.folder.mkdir(exist_ok=True)
        staging = self.folder / f".part-{os.getpid()}"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        for file in files:
            _link(file, staging / file.name)
        return staging

    def finish(self, staging: Path, epoch: int, step: int, tensors: dict[str, Tensor], told: dict[str, Any]) -> None:
        """Write what `stage` began; returns when it is on the disk. Raises OSError, and leaves no half of it."""
        try:
            write_atomic(staging / _TENSORS, save(tensors))
            files = {path.name: file_sha256(path) for path in sorted(staging.iterdir())}
            manifest = json.dumps({"told": told, "files": files}).encode()
            write_atomic(staging / _MANIFEST, manifest)
            target = self.folder / f"{epoch:06d}-{step:08d}-{hashlib.sha256(manifest).hexdigest()[:16]}"
            if not target.exists():
                staging.rename(target)
            sync_folder(self.folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        for old in self._folders()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def newest(self, warn: Callable[[str], None]) -> Checkpoint | None:
        """The furthest one that is whole; what is damaged is told of and removed, for it helps nobody.

        Raises OSError where one cannot be read: that may pass, and what is on the disk is left as it is.
        """
        for left in self.folder.glob(".part-*"):
            # Its writer was killed.
            shutil.rmtree(left, ignore_errors=True)
        for folder in reversed(self._folders()):
            try:
                return _read(folder)
            except (_DamagedError, FileNotFoundError, ValueError, SafetensorError) as error:
                warn(f"checkpoint {folder.name} is damaged ({error}) and was removed: an earlier one has to do")
                shutil.rmtree(folder, ignore_errors=True)
        return None

    def _folders(self) -> list[Path]:
        """Whole or not, in the order of what they reach."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if _NAME.fullmatch(path.name))


def put_back(checkpoint: Checkpoint, folder: Path) -> None:
    """Have the best model's files in `folder` be again what they were when the checkpoint was written."""
    for source in checkpoint.folder.iterdir():
        if source.name not in (_MANIFEST, _TENSORS):
            temporary = folder / f".{source.name}.part"
            temporary.unlink(missing_ok=True)
            _link(source, temporary)
            temporary.replace(folder / source.name)
            # Of two links to one file, POSIX has `replace` do nothing at all.
            temporary.unlink(missing_ok=True)


def _read(folder: Path) -> Checkpoint:
    manifest = (folder / _MANIFEST).read_bytes()
    name = _NAME.fullmatch(folder.name)
    if name is None or hashlib.sha256(manifest).hexdigest()[:16] != name[1]:
        raise _DamagedError(f"{_MANIFEST} is not what was written")
    read = json.loads(manifest)
    for file, expected in read["files"].items():
        if file_sha256(folder / file) != expected:
            raise _DamagedError(f"{file} is not what was written")
    return Checkpoint(folder, load((folder / _TENSORS).read_bytes()), read["told"])


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        # A file system without such links: a copy does, it only costs its size.
        shutil.copyfile(source, target)
