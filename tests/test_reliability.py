"""The short form of bench/reliability.py: what it counts, and not what it times."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent


def test_kills_a_queue_and_a_long_list(tmp_path: Path) -> None:
    words = ["--kills", "4", "--runs", "5", "--listed", "60", "--results", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "reliability.py"), *words], capture_output=True, text=True
    )
    told = json.loads((tmp_path / "reliability.json").read_text())
    killed, queued = told["kills"], told["queue"]
    assert killed["kills"] == killed["resumes"] == killed["equal hashes"] == 4, done.stdout
    assert (killed["wrong states"], killed["orphans"]) == (0, 0), done.stdout
    assert queued["completed"] == 5
    assert 0 < queued["most at once"] <= 4
    assert told["listing"]["runs"] == 60
