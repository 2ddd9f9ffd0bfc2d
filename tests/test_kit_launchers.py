"""The contract of launchers finds what is wrong: for every promise there is a launcher here that breaks it."""

import textwrap
from pathlib import Path

import pytest

from tests.sabotage import HONEST, Wrongs, breaking, caught, held, offered, outcomes, praised, subclasses

pytestmark = pytest.mark.long

LAUNCHERS: Wrongs = {
    "Moody": (
        "def command(self, argv, resources): return (*super().command(argv, resources), str(random()))",
        "making_a_command_starts_nothing",
    ),
    "Lonely": ("way = 'lonely'", "every_rank_is_there_once_and_agrees[2]"),
    "Selfish": (
        "class meets(FileGroup):\n    def average(self, values): return values",
        "every_rank_is_there_once_and_agrees[2]",
    ),
    "Drifting": (
        "class meets(FileGroup):\n"
        "    def average(self, values): return [v + self.rank * 1e-12 for v in super().average(values)]",
        "every_rank_is_there_once_and_agrees[2]",
    ),
    "Hasty": (
        "class meets(FileGroup):\n    def barrier(self): pass",
        "every_rank_is_there_once_and_agrees[2]",
    ),
    "Muddled": (
        "class meets(FileGroup):\n    def broadcast(self, content): return bytes(self.gather(list(content))[-1])",
        "every_rank_is_there_once_and_agrees[2]",
    ),
    "Summing": (
        "class meets(FileGroup):\n"
        "    def average(self, values): return [v * self.world_size for v in super().average(values)]",
        "two_processes_come_to_the_weights_of_one",
    ),
    "Stoic": ("way = 'stoic'", "a_rank_that_fails_ends_them_all[1]"),
    "Patient": ("way = 'patient'", "a_rank_that_fails_ends_them_all[2]"),
    "Heedless": (
        "def command(self, argv, resources): return super().command(argv, replace(resources, min_processes=None))",
        "those_that_are_left_go_on_without_one_that_was_killed",
    ),
    "Deaf": ("way = 'deaf'", "every_rank_hears_that_it_should_stop[2]"),
}
# These import torch, and are given the time for it.
TRAINERS: Wrongs = {
    "Loose": (
        "class meets(FileGroup):\n"
        "    def parallel(self, module, optimizer, accumulate): return Parallel(module, optimizer)",
        "a_network_trains_in_two_processes_as_in_one",
    ),
    "Late": (
        "class meets(FileGroup):\n    def ties(self, module): yield; self.mix(module)",
        "a_network_trains_in_two_processes_as_in_one",
    ),
    "Unequal": (
        "class meets(FileGroup):\n    def level(self, module): pass",
        "a_network_trains_in_two_processes_as_in_one",
    ),
}
# Ranks that meet in a folder, and start without torch.
HEAD = """
    import json
    import os
    import time
    from pathlib import Path
    from contextlib import contextmanager
    from dataclasses import replace
    from random import random

    from fledge import Group, Launcher, Parallel, UsageError


    class FileGroup(Group):
        rounds = 0

        def gather(self, told):
            self.rounds += 1
            folder = Path(os.environ["MEETING"])
            (folder / f"part.{self.rank}").write_text(json.dumps(told))
            (folder / f"part.{self.rank}").rename(folder / f"{self.rounds}.{self.rank}")
            paths = [folder / f"{self.rounds}.{rank}" for rank in range(self.world_size)]
            while not all(path.exists() for path in paths):
                time.sleep(0.005)
            return [json.loads(path.read_text()) for path in paths]

        def average(self, values):
            return [sum(column) / self.world_size for column in zip(*self.gather(values))]

        def broadcast(self, content):
            return bytes(self.gather(list(content))[0])

        def barrier(self):
            self.gather(None)

        # As a thread of torch's may, where a rank does not end as a worker does.
        def __del__(self):
            os.abort()

        def parallel(self, module, optimizer, accumulate):
            self.level(module)
            return Parallel(module, optimizer, averaged=lambda: contextmanager(self.ties)(module))

        def ties(self, module):
            self.mix(module)
            yield

        def level(self, module):
            for one in module.parameters():
                one.data = one.new_tensor(self.gather(one.tolist())[0])

        def mix(self, module):
            for one in module.parameters():
                one.grad = one.new_tensor(self.average(one.grad.flatten().tolist())).view_as(one)


    class Honest(Launcher):
        way = "honest"
        meets = FileGroup

        def command(self, argv, resources):
            if resources.min_processes is not None:
                raise UsageError("a rank that is lost is lost")
            return ("python", "-m", "ranks", self.way, str(resources.processes), *argv)

        def group(self):
            return self.meets(self.place())
"""
RANKS = """
    import os
    import signal
    import subprocess
    import sys
    import tempfile
    import time

    way, size, *argv = sys.argv[1:]
    argv = [sys.executable, *argv[1:]] if argv[0] == "python" else argv
    size = 1 if way == "lonely" else int(size)
    ranks = []


    def stop(number, _):
        for rank in ranks:
            rank.kill() if way == "deaf" else rank.send_signal(number)


    signal.signal(signal.SIGTERM, stop)
    with tempfile.TemporaryDirectory() as meeting:
        for rank in range(size):
            told = {"MEETING": meeting, "RANK": str(rank), "WORLD_SIZE": str(size)}
            ranks.append(subprocess.Popen(argv, env=os.environ | told))
        while None in (codes := [rank.poll() for rank in ranks]):
            if any(codes) and way != "patient":
                for rank in ranks:
                    rank.terminate()
            time.sleep(0.02)
    sys.exit(0 if way == "stoic" else next(filter(None, map(abs, codes)), 0))
"""


def test_a_launcher_that_breaks_a_promise_is_caught(tmp_path: Path) -> None:
    code = textwrap.dedent(HEAD) + subclasses("Honest", {**LAUNCHERS, **TRAINERS})
    offered(tmp_path, "launcher", code, [*HONEST, *LAUNCHERS, *TRAINERS])
    (tmp_path / "ranks.py").write_text(textwrap.dedent(RANKS))
    tests = held("LauncherContract", {**HONEST, **TRAINERS})
    tests += held("LauncherContract", LAUNCHERS, "patience_seconds = 3")
    found = outcomes(tmp_path, tests, ["TestHonest", *breaking({**LAUNCHERS, **TRAINERS})])
    praised(found)
    caught(found, {**LAUNCHERS, **TRAINERS})
