"""LauncherContract: what every Launcher promises."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fledge.errors import UsageError
from fledge.interfaces.job import Resources
from fledge.interfaces.launcher import Launcher
from fledge.testing.contracts.contract import Contract

# Each rank leaves what it found in FOLDER/RANK.json.
_RANK = (
    "import os, time\n"
    "from pathlib import Path\n"
    "kind, options = make(); group = kind(options).group()\n"
    "folder = Path(sys.argv[1]); rank, size = group.rank, group.world_size\n"
    "def tell(told): (folder / f'{rank}.json').write_text(json.dumps(told))\n"
)
_AGREES = (
    "time.sleep(0.3 * rank); (folder / f'{rank}.here').touch(); group.barrier()\n"
    "here = len(list(folder.glob('*.here')))\n"
    "mean = group.average([float(rank), 0.1 + rank])\n"
    "told = [group.broadcast(bytes([rank, 255]) * length) for length in (0, 1, 100000)]\n"
    "first = [len(one) for one in told if one == bytes([0, 255]) * (len(one) // 2)]\n"
    # Least squares on eight points, of which each rank has its share.
    "points = [(x / 8, 3 * x / 8 + 1) for x in range(8)][rank::size]; weights = [0.0, 0.0]\n"
    "for _ in range(50):\n"
    "    errors = [weights[0] * x + weights[1] - y for x, y in points]\n"
    "    own = [sum(e * x for e, (x, _) in zip(errors, points)) / len(points), sum(errors) / len(points)]\n"
    "    weights = [w - 0.3 * g for w, g in zip(weights, group.average(own))]\n"
    "tell({'size': size, 'here': here, 'mean': mean, 'first': first, 'weights': weights})\n"
)
# A network that each rank has begun in another way, on its share of eight samples; two backward passes a step.
_TRAINS = (
    "import torch\n"
    "torch.manual_seed(rank); module = torch.nn.Linear(3, 2)\n"
    "optimizer = torch.optim.SGD(module.parameters(), lr=0.3, momentum=0.9)\n"
    "tied = group.parallel(module, optimizer, 2)\n"
    "x, y = torch.randn(16, 3, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 2\n"
    "parts = [torch.arange(at, at + 8).tensor_split(size)[rank] for at in (0, 8)]\n"
    "def backward(part): torch.nn.functional.cross_entropy(tied.module(x[part]), y[part]).backward()\n"
    "norms = []\n"
    "for _ in range(5):\n"
    "    with tied.alone(): backward(parts[0])\n"
    "    backward(parts[1])\n"
    "    with tied.averaged():\n"
    "        norms.append(float(torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5))); tied.optimizer.step()\n"
    "    tied.optimizer.zero_grad()\n"
    "tell({'weights': [one for p in module.parameters() for one in p.flatten().tolist()], 'norms': norms})\n"
)
# As a worker ends: threads of torch's group go on behind a DistributedDataParallel, even once it is destroyed, and one
# that lets go of a tensor while the interpreter is taken apart aborts the process.
_LEAVES = "from fledge.worker.leave import leave; leave(0)\n"
_IS_LOST = "if size == 2 and rank == 1: os.kill(os.getpid(), 9)\ngroup.barrier(); tell({'size': size})\n"
_FAILS = "group.barrier()\nif rank == size - 1: sys.exit(3)\ntime.sleep(600)\n"
_LISTENS = (
    "import signal\n"
    "def hear(*_): tell('heard'); os._exit(75)\n"
    "signal.signal(signal.SIGTERM, hear); group.barrier(); (folder / f'{rank}.up').touch(); time.sleep(600)\n"
)


class LauncherContract(Contract):
    """Held by an offer. What it cannot start (`command` raises UsageError) does not apply.

    patience_seconds is how long ranks may take to end that have nothing to wait for.
    """

    kind = "launcher"
    patience_seconds: ClassVar[float] = 120.0

    @pytest.fixture(autouse=True)
    def nothing_left(self) -> Iterator[None]:
        """A test that fails leaves none of the processes that it has started, nor theirs."""
        self._started: list[subprocess.Popen[str]] = []
        yield
        for process in self._started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout:
                process.stdout.close()

    def start(self, code: str, size: int, folder: Path, least: int | None = None) -> "subprocess.Popen[str]":
        launcher: Launcher = self.make()
        folder.mkdir(exist_ok=True)
        argv = (*self.process(_RANK + code + _LEAVES), str(folder))
        try:
            command = launcher.command(argv, Resources(size, min_processes=least))
        except UsageError as error:
            fewer = "" if least is None else f" of which {least} go on"
            pytest.skip(f"it starts no {size} processes{fewer}: {error.message}")
        if command[0] == "python":
            command = (sys.executable, *command[1:])
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        self._started.append(subprocess.Popen(command, stdout=pipe, stderr=both, text=True, start_new_session=True))
        return self._started[-1]

    def output(self, process: "subprocess.Popen[str]") -> str:
        """All that it said, once it has ended."""
        try:
            output, _ = process.communicate(timeout=self.patience_seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"its ranks have not ended after {self.patience_seconds:g} s")
        return output

    def ranks(self, size: int, folder: Path, code: str = _AGREES) -> list[Any]:
        """What each rank found, by rank."""
        process = self.start(code, size, folder)
        output = self.output(process)
        assert process.returncode == 0, output
        assert sorted(path.stem for path in folder.glob("*.json")) == [str(rank) for rank in range(size)], output
        return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(size)]

    def test_making_a_command_starts_nothing(self) -> None:
        launcher: Launcher = self.make()
        one, same = (launcher.command(("python", "-m", "program"), Resources()) for _ in range(2))
        assert one == same
        assert "program" in one

    @pytest.mark.parametrize("size", [1, 2])
    def test_every_rank_is_there_once_and_agrees(self, tmp_path: Path, size: int) -> None:
        ranks = self.ranks(size, tmp_path / "ranks")
        assert [rank["size"] for rank in ranks] == [size] * size
        assert [rank["here"] for rank in ranks] == [size] * size, "somebody passed the barrier early"
        for rank in ranks:
            assert rank["mean"] == pytest.approx([(size - 1) / 2, 0.1 + (size - 1) / 2])
            assert rank["first"] == [0, 2, 200000], "what rank 0 broadcast came otherwise"
            assert rank["weights"] == ranks[0]["weights"], "the ranks' weights went apart"

    def test_two_processes_come_to_the_weights_of_one(self, tmp_path: Path) -> None:
        two = self.ranks(2, tmp_path / "two")
        (one,) = self.ranks(1, tmp_path / "one")
        assert two[0]["weights"] == pytest.approx(one["weights"], rel=1e-6)

    def test_a_network_trains_in_two_processes_as_in_one(self, tmp_path: Path) -> None:
        two = self.ranks(2, tmp_path / "two", _TRAINS)
        (one,) = self.ranks(1, tmp_path / "one", _TRAINS)
        assert two[0]["weights"] == two[1]["weights"], "the ranks' networks went apart"
        assert two[0]["norms"] == pytest.approx(one["norms"], rel=1e-5), "gradients are read before they are averaged"
        assert two[0]["weights"] == pytest.approx(one["weights"], rel=1e-5)

    @pytest.mark.parametrize("size", [1, 2])
    def test_a_rank_that_fails_ends_them_all(self, tmp_path: Path, size: int) -> None:
        process = self.start(_FAILS, size, tmp_path / "ranks")
        self.output(process)
        assert process.returncode != 0

    def test_those_that_are_left_go_on_without_one_that_was_killed(self, tmp_path: Path) -> None:
        process = self.start(_IS_LOST, 2, tmp_path / "ranks", least=1)
        output = self.output(process)
        assert process.returncode == 0, output
        assert json.loads((tmp_path / "ranks" / "0.json").read_text()) == {"size": 1}

    @pytest.mark.parametrize("size", [1, 2])
    def test_every_rank_hears_that_it_should_stop(self, tmp_path: Path, size: int) -> None:
        folder = tmp_path / "ranks"
        process = self.start(_LISTENS, size, folder)
        while process.poll() is None and len(list(folder.glob("*.up"))) < size:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output = self.output(process)
        assert sorted(path.stem for path in folder.glob("*.json")) == [str(rank) for rank in range(size)], output
        assert process.returncode != 0
