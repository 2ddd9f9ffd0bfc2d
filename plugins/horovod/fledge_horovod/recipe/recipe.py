"""Recipe: how Horovod is built for the torch that is here, without a change to its source."""

import hashlib
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from fledge_horovod.torch_here import TorchHere

VERSION = "0.28.1"
# Of the source archive on PyPI: what is built is what was tested, from whatever index it comes.
SHA256 = "92a43f5a94c43907a56805bad15f19700c62ffc83b7ca483f9e104e229f67ef0"

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Recipe:
    """One way to build it. gloo is always in; mpi and nccl (the library of GPUs) where asked for."""

    torch: TorchHere
    mpi: bool
    nccl: bool

    @property
    def kind(self) -> str:
        """The libraries it talks through: "gloo", "gloo-mpi", "gloo-nccl" or "gloo-mpi-nccl"."""
        return "-".join(["gloo", *["mpi"] * self.mpi, *["nccl"] * self.nccl])

    @property
    def key(self) -> str:
        """Names what the wheel depends on; two wheels of one key are the same."""
        ours = hashlib.sha256()
        for path in sorted(path for path in _FOLDER.iterdir() if path.suffix in (".py", ".cmake")):
            ours.update(path.read_bytes())
        # Horovod reads the folder it is built in as a pattern.
        version = self.torch.version.replace("+", "_")
        python = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
        return f"horovod-{VERSION}-{python}-torch-{version}-{self.kind}-{ours.hexdigest()[:12]}"

    def environment(self) -> dict[str, str]:
        """What has to be set for Horovod's own build, beside what is set already."""
        asked = {
            "HOROVOD_WITH_PYTORCH": "1",
            "HOROVOD_WITHOUT_TENSORFLOW": "1",
            "HOROVOD_WITHOUT_MXNET": "1",
            "HOROVOD_WITH_GLOO": "1",
            "HOROVOD_WITHOUT_NVTX": "1",
            "HOROVOD_WITH_MPI" if self.mpi else "HOROVOD_WITHOUT_MPI": "1",
            "CMAKE_TOOLCHAIN_FILE": str(_FOLDER / "toolchain.cmake"),
            # CMake 4 refuses projects as old as the gloo that Horovod carries.
            "CMAKE_POLICY_VERSION_MINIMUM": "3.5",
            # Horovod asks distutils for Python's headers, and Python 3.12 has none.
            "CPLUS_INCLUDE_PATH": sysconfig.get_path("include"),
            # A make that this was started from has left its own here.
            "MAKEFLAGS": f"-j{len(os.sched_getaffinity(0))}",
        }
        return asked | ({"HOROVOD_GPU_OPERATIONS": "NCCL"} if self.nccl else {})
