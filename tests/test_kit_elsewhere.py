"""Promises that are proved in other processes: who breaks one of them is caught too."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.sabotage import HONEST, Wrongs, breaking, caught, held, offered, outcomes, praised, subclasses

if TYPE_CHECKING:
    from tests.conftest import Fledge

DATASETS: Wrongs = {
    "Personal": (
        "def split(self, name): return [Personal_(**vars(one)) for one in super().split(name)]",
        "another_process_sees_the_same",
    ),
    "Settling": (
        "def _prepare(self, cache, progress, warn):\n"
        "    path = cache / 'settled'\n"
        "    if not path.exists(): path.write_text(uuid4().hex)\n"
        "    type(self).classes = ('red', path.read_text())",
        "from_an_empty_cache_it_is_the_same",
    ),
    "Trusting": (
        # What was begun passes for done.
        "def _prepare(self, cache, progress, warn):\n"
        "    if not (cache / 'index').exists():\n"
        "        with (cache / 'index').open('w', buffering=1) as index:\n"
        "            for line in range(8): index.write(f'{line}\\n')\n"
        "    self.count = len((cache / 'index').read_text().splitlines())\n"
        "def split(self, name): return super().split(name)[:: 9 - self.count]",
        "a_kill_while_it_is_prepared_costs_nothing",
    ),
}
DATASET = """
    import os
    from uuid import uuid4

    from fledge.testing.offers.options import SquaresOptions
    from fledge.testing.offers.squares import Square, Squares


    class Personal_(Square):
        fingerprint = property(lambda self: f"{super().fingerprint}-{os.getpid()}")
"""
REGISTRIES: Wrongs = {
    "Private": (
        "root = property(lambda self: self.home / 'models' / str(os.getpid()))",
        "many_at_once_get_versions_of_their_own",
    ),
    "Halving": (
        "def _store(self, home, number, folder, record):\n"
        "    (home / str(number)).mkdir()\n"
        "    (home / str(number) / 'version.json').write_text(json.dumps(record))\n"
        "    for path in sorted(folder.iterdir()): shutil.copy(path, home / str(number))",
        "a_kill_while_one_is_registered_leaves_no_half",
    ),
}
REGISTRY = """
    import json
    import os
    import shutil

    from fledge_local.registry import LocalRegistry
"""
TRACKERS: Wrongs = {
    "Gathering": (
        "def record(self, events): self.kept = [*getattr(self, 'kept', ()), *events]\n"
        "def finish(self, state): super().record(self.kept); super().finish(state)",
        "a_kill_right_after_recording_loses_nothing",
    ),
    "Dramatic": (
        "def post(self, told):\n    try: super().post(told)\n    except OSError: os._exit(3)",
        "a_run_completes_though_its_server_refuses",
    ),
    "Discreet": (
        "def post(self, told):\n    try: super().post(told)\n    except OSError: pass",
        "a_run_completes_though_its_server_refuses",
    ),
    "Introducing": (
        "def __init__(self, options): super().__init__(options); self.post('hello')",
        "making_one_calls_no_server",
    ),
    "Shy": ("def post(self, told): pass", "a_run_does_its_work_though_its_server_never_answers"),
    "Clinging": (
        "def post(self, told): threading.Thread(target=super().post, args=[told], daemon=False).start()",
        "a_process_ends_though_its_server_never_answers",
    ),
    "Homeless": ("server_option = 'folder'", "a_process_ends_though_its_server_never_answers"),
}
TRACKER = """
    import json
    import os
    import sys
    import threading
    import urllib.request
    from pathlib import Path

    import fledge.scaffold

    sys.path.append(str(Path(fledge.scaffold.__file__).parent / "templates" / "tracker"))
    from fledge_example.options import ExampleOptions
    from fledge_example.tracker import Example


    class Told(ExampleOptions):
        url: str | None = None


    class Posting(Example):
        server_option = "url"

        def post(self, told):
            if self.options.url:
                urllib.request.urlopen(self.options.url, json.dumps(told).encode()).close()

        def record(self, events):
            super().record(events)
            self.post(list(events))
"""


@pytest.mark.parametrize(
    ("kind", "head", "wrongs", "base", "options"),
    [
        ("dataset", DATASET, DATASETS, "Squares", "SquaresOptions"),
        ("registry", REGISTRY, REGISTRIES, "LocalRegistry", None),
        ("tracker", TRACKER, TRACKERS, "Posting", "Told"),
    ],
    ids=["dataset", "registry", "tracker"],
)
def test_who_breaks_a_promise_in_another_process_is_caught(
    tmp_path: Path, kind: str, head: str, wrongs: Wrongs, base: str, options: str | None
) -> None:
    offered(tmp_path, kind, textwrap.dedent(head) + subclasses(base, {**HONEST, **wrongs}), [*HONEST, *wrongs], options)
    contract = f"{kind.capitalize()}Contract"
    # Who is caught by what does not come is waited for in vain; one is caught by its call, whenever that comes.
    hasty = {name: wrong for name, wrong in wrongs.items() if kind == "tracker" and name != "Introducing"}
    tests = held(contract, {**HONEST, **{name: wrong for name, wrong in wrongs.items() if name not in hasty}})
    tests += held(contract, hasty, "patience_seconds = 2")
    # The others' honest ones are held to their contracts where they are at home.
    honest = ["TestHonest"] if kind == "tracker" else []
    found = outcomes(tmp_path, tests, [*honest, *breaking(wrongs)])
    if honest:
        praised(found)
    caught(found, wrongs)


def test_plugins_check_says_what_a_dead_server_does(fledge: "Fledge", tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    wrongs = {"Discreet": TRACKERS["Discreet"]}
    offered(site, "tracker", textwrap.dedent(TRACKER) + subclasses("Posting", wrongs), ["Posting", *wrongs], "Told")
    fledge.environment["PYTHONPATH"] += f":{site}"
    told = fledge("plugins", "check", "wrongs", status=1).out
    # By name, sorted.
    discreet, _, honest = told.partition("tracker Posting\n")
    for promise in (
        "a run completes though its server refuses",
        "a run does its work though its server never answers",
        "a process ends though its server never answers",
    ):
        assert f"  passed         {promise}\n" in honest
    assert "  failed  " not in honest
    assert "  failed         a run completes though its server refuses: " in discreet
    assert discreet.count("  failed  ") == 1
