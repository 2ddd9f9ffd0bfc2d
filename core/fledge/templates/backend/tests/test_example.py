"""The backend example keeps the promises of every backend, on a good day and on a bad one."""

from pathlib import Path

import pytest
from fledge.testing import BackendContract, ChaosBackend


class TestExample(BackendContract, offer="example"):
    pass


class TestExampleOnABadDay(BackendContract, offer="example"):
    @pytest.fixture(params=[0, 1])
    def backend(self, tmp_path: Path, request: pytest.FixtureRequest) -> ChaosBackend:
        return ChaosBackend(self.make(tmp_path / "home"), request.param)
