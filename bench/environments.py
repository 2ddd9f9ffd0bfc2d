"""A virtual environment for each peer that is measured against, made when first needed and kept between runs.

They lie beside the benches, in `.environments/NAME`. An environment is whole only with its marker, which tells what is
in it: where an installation broke off, or something else is wanted now, it is made anew.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock
from harness import ROOT

FOLDER = Path(__file__).parent / ".environments"
LIGHTNING = "lightning==2.6.6"


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The folder of an environment with these requirements; its programs are in bin/.

    May be called by two processes at once. Raises RuntimeError, with pip's last words, where it cannot be installed.
    """
    folder = FOLDER / name
    marker = folder / ".complete"
    wanted = "\n".join([sys.version, *requirements])
    FOLDER.mkdir(exist_ok=True)
    with FileLock(FOLDER / f"{name}.lock"):
        if marker.exists() and marker.read_text() == wanted:
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        print(f"installing {' '.join(requirements)} into {folder.relative_to(ROOT)}", file=sys.stderr, flush=True)
        began = time.perf_counter()
        _call(name, sys.executable, "-m", "venv", str(folder))
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _call(name, str(folder / "bin" / "python"), *install, *requirements)
        marker.write_text(wanted)
        print(f"installed in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return folder


def training(*requirements: str) -> list[str]:
    """Those of a peer that trains: beside its own, the versions that fledge runs with."""
    return [*requirements, *map(pinned, ("torch", "torchvision", "numpy", "pillow", "psutil"))]


def pinned(name: str) -> str:
    """The requirement of a distribution as fledge's own constraints pin it, so that both sides run the same one."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{name}=="))


def _call(name: str, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise RuntimeError(f"{name} cannot be installed: {' '.join(said) or f'exit status {done.returncode}'}")
