"""Horovod's processes train what one would have trained, and fail as one; without Horovod it is said how to get it."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.long_run import strays
from tests.many import MORE, NODES_SAY, alike, ended, nodes_meet, started, words

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give


@pytest.mark.parametrize(("settings", "count"), [((), 3), (MORE, 2), (("training.mode=head+finetune",), 2)])
def test_horovods_processes_come_to_the_weights_of_one(fledge: "Fledge", settings: tuple[str, ...], count: int) -> None:
    one, many = (fledge(*words("horovod", processes, *settings), "--json").last for processes in (1, count))
    alike(fledge, one, many)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [("dies", "rank 1 was killed by SIGKILL"), ("hangs", "waited in vain for another process")],
)
def test_a_rank_that_fails_fails_the_run(
    fledge: "Fledge", give: "Give", tmp_path: Path, trouble: str, says: str
) -> None:
    run = started(fledge, give, tmp_path, "horovod", 2, f"model.trouble={trouble}", "launcher.timeout=8")
    told = ended(fledge, run)
    assert told["state"] == "FAILED"
    assert says in told["error"]
    assert not strays(fledge, run)


def test_without_horovod_it_is_said_how_to_get_it(fledge: "Fledge", tmp_path: Path) -> None:
    # A torch that Horovod was not built for is found first.
    (tmp_path / "site").mkdir()
    code = "import fledge_horovod.installed as i\ni.torch_here = lambda: i.TorchHere('9.9.9', None)\n"
    (tmp_path / "site" / "sitecustomize.py").write_text(code)
    fledge.environment["PYTHONPATH"] += f":{tmp_path / 'site'}"
    fledge(*words("horovod", 2), status=1)
    error = fledge("runs", "show", "latest", "--json").last["error"]
    assert "and torch 9.9.9 is here" in error
    assert "python -m fledge_horovod.build" in error


def test_processes_on_two_nodes_are_one_group() -> None:
    assert nodes_meet("horovod") == NODES_SAY
