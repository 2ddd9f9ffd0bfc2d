"""The local backend keeps the promises of every backend, on a good day and on a bad one."""

from pathlib import Path

import pytest
from fledge.testing.chaos import ChaosBackend
from fledge.testing.contracts.backend import BackendContract
from fledge_local.backend import Local
from fledge_local.options import LocalOptions


class TestLocal(BackendContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Local:
        return Local(LocalOptions(slots=4), tmp_path / "home")


class TestLocalOnABadDay(BackendContract):
    @pytest.fixture(params=[0, 1])
    def backend(self, tmp_path: Path, request: pytest.FixtureRequest) -> ChaosBackend:
        return ChaosBackend(Local(LocalOptions(slots=4), tmp_path / "home"), request.param)
