"""The backend in-process keeps those promises that apply to fledge's own worker alone."""

from pathlib import Path

import pytest
from fledge import Options
from fledge.testing import BackendContract, InProcessBackend


class TestInProcess(BackendContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> InProcessBackend:
        return InProcessBackend(Options(), tmp_path / "home")
