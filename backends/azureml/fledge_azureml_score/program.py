"""The program: from the folders that the service gives to answers, with nothing of Azure's."""

import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Protocol

# Relative to the folder of the code; and which of the model's files is to answer.
WHEELS = "wheels"
MODEL_FILE = "FLEDGE_MODEL_FILE"


class Scoring(Protocol):
    def __call__(self, kind: str, body: bytes) -> tuple[int, bytes]: ...


def opened() -> Scoring:
    """Of the model below AZUREML_MODEL_DIR, by the fledge that travels as wheels beside this, if any does."""
    _unpack(Path(__file__).parent.parent / WHEELS)
    # Only now is it there.
    from fledge import Scoring as Made

    name, folder = os.environ[MODEL_FILE], Path(os.environ["AZUREML_MODEL_DIR"])
    # The service puts a model's folder, whole, into one that it names itself.
    found = [path for path in folder.rglob(Path(name).name) if path.as_posix().endswith(f"/{name}")]
    if not found:
        raise FileNotFoundError(f"there is no {name} below {folder}")
    return Made(min(found, key=lambda path: (len(path.parts), path)))


def _unpack(wheels: Path) -> None:
    found = sorted(wheels.glob("*.whl")) if wheels.is_dir() else []
    if not found:
        return
    # Not beside them: the folder of the code may be one that nobody may write to.
    place = tempfile.mkdtemp(prefix="fledge-wheels-")
    for wheel in found:
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(place)
    sys.path.insert(0, place)
