"""The Ray backend keeps the promises of every backend, on a cluster of two nodes, and on a bad day at that."""

from pathlib import Path

import pytest
from fledge import ComputeBackend
from fledge.testing import BackendContract, ChaosBackend
from fledge_ray.backend import Ray
from fledge_ray.options import RayOptions

from tests.ray_cluster import Cluster, shared

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    return shared(pytestconfig)


class TestRay(BackendContract):
    @pytest.fixture
    def backend(self, cluster: Cluster, tmp_path: Path) -> ComputeBackend:
        made = Ray(RayOptions(address=cluster.address, storage=str(cluster.folder / "storage")), tmp_path / "home")
        # A good day would prove nothing more, and every job costs seconds.
        return ChaosBackend(made, seed=0)
