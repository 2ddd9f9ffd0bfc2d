"""A digest of source code: what is computed by it is worthless once it has changed."""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

# These go by their version.
_RELEASED = {"builtins", "abc", "typing", "torch", "torchvision", "pydantic"}


def code_of(types: Iterable[type]) -> list[list[str]]:
    """fledge and the packages that classes are from, each with a digest of its source."""
    tops = {one.__module__.split(".")[0] for one in types} | {"fledge"}
    return [[top, code_digest(top)] for top in sorted(tops - _RELEASED)]


def code_digest(module: str) -> str:
    """SHA-256 over every Python file of the package that `module` is in, or over its one file."""
    top = sys.modules[module.split(".")[0]]
    digest = hashlib.sha256()
    for folder in map(Path, getattr(top, "__path__", ())):
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    if not hasattr(top, "__path__") and top.__file__:
        digest.update(Path(top.__file__).read_bytes())
    return digest.hexdigest()
