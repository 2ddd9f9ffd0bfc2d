"""Horovod keeps the promises of every launcher, over gloo and over MPI."""

import shutil

import pytest
from fledge.testing import LauncherContract

pytestmark = pytest.mark.horovod


class TestHorovod(LauncherContract, offer="horovod"):
    pass


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun here")
class TestHorovodOverMpi(LauncherContract, offer="horovod", options={"mpi": True}):
    pass
