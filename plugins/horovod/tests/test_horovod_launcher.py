"""Horovod keeps the promises of every launcher, over gloo and over MPI."""

import shutil

import pytest
from fledge.testing import LauncherContract
from fledge_horovod.installed import installed

pytestmark = pytest.mark.horovod


class TestHorovod(LauncherContract, offer="horovod"):
    pass


@pytest.mark.skipif(
    shutil.which("mpirun") is None or "mpi" not in installed().libraries,
    reason="there is no mpirun here, or Horovod was built without MPI",
)
class TestHorovodOverMpi(LauncherContract, offer="horovod", options={"mpi": True}):
    pass
