"""Which Horovod this environment has, and whether it is of use with the torch that is here."""

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from fledge import Finding

from fledge_horovod.torch_here import torch_here

BUILD = "python -m fledge_horovod.build"


@dataclass(frozen=True)
class Installed:
    """libraries: what it talks through, of "gloo", "mpi" and "nccl"; empty unless it can be used.

    fault: why it cannot be used, and remedy what to do about it; both empty if it can.
    """

    version: str = ""
    libraries: tuple[str, ...] = ()
    fault: str = ""
    remedy: str = ""

    def finding(self) -> Finding:
        """A line for `fledge doctor`. Without Horovod all else works, so that is a warning."""
        if self.fault:
            return Finding("error" if self.version else "warning", self.fault, self.remedy)
        return Finding("ok", f"Horovod {self.version} talks through {', '.join(self.libraries)}")


def built_for() -> Installed | None:
    """What is wrong with the Horovod that is installed, as far as files tell: None if nothing is. Takes milliseconds.

    Raises RunError where there is no torch.
    """
    torch = torch_here().version
    try:
        found = distribution("horovod")
        # Horovod's own build writes down the torch it found.
        built = json.loads(found.read_text("../horovod/metadata.json") or "{}").get("pytorch")
    except PackageNotFoundError:
        return Installed(fault="Horovod is not installed", remedy=f"build it for torch {torch}: {BUILD}")
    if built == torch:
        return None
    fault = (
        f"Horovod {found.version} was built for {f'torch {built}' if built else 'no torch'}, and torch {torch} is here"
    )
    return Installed(found.version, fault=fault, remedy=f"build it again: {BUILD}")


def installed() -> Installed:
    """The same, and loads it in a process of its own, which takes seconds: what was built may still not load.

    Raises RunError where there is no torch.
    """
    if wrong := built_for():
        return wrong
    # Its importing warns of what does not concern the person who asks.
    command = [sys.executable, "-P", "-W", "ignore", "-m", "fledge_horovod.loaded"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    version = distribution("horovod").version
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Installed(version, fault=f"Horovod {version} cannot be loaded: {last}", remedy=f"{BUILD} --force")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Installed(version, tuple(name for name, built in told.items() if built))
