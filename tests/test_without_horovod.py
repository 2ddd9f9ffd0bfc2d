"""Where there is no Horovod, what is said of it names the command that builds it."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hidden import hide
from tests.many import words

if TYPE_CHECKING:
    from tests.conftest import Fledge

# What has been imported already in the process that commands are forked from would not hide anything.
pytestmark = pytest.mark.cold


def test_doctor_names_the_build(fledge: "Fledge", tmp_path: Path) -> None:
    hide(fledge, tmp_path, "horovod")
    (told,) = [one for one in fledge("doctor", "--json", status=None).lines if one["subject"] == "launcher horovod"]
    assert told["level"] == "warning"
    assert told["message"] == "Horovod is not installed"
    assert told["remedy"].endswith("python -m fledge_horovod.build")


def test_a_run_names_the_build_and_ends_at_once(fledge: "Fledge", tmp_path: Path) -> None:
    hide(fledge, tmp_path, "horovod")
    fledge(*words("horovod", 2), status=1)
    error = fledge("runs", "show", "latest", "--json").last["error"]
    assert "Horovod is not installed" in error
    assert error.endswith("python -m fledge_horovod.build")
