"""The contract of sweepers passes one that keeps its promises, and finds what is wrong with every other."""

import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fledge.interfaces.backend import ComputeBackend
from fledge.testing import SweeperContract
from fledge_local.options import LocalOptions

from tests import sweeping_service
from tests.sabotage import Wrongs, breaking, caught, offered, outcomes, subclasses, sweep

if TYPE_CHECKING:
    from tests.conftest import Fledge


class TestService(SweeperContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> ComputeBackend:
        return sweeping_service.Service(LocalOptions(slots=4), tmp_path / "home")


SWEEPERS: Wrongs = {
    "Writing": (
        "def plan_sweep(self, job, search):\n"
        "    self.home.mkdir(exist_ok=True); (self.home / 'plan').touch()\n"
        "    return super().plan_sweep(job, search)",
        "planning_a_sweep_starts_and_writes_nothing",
    ),
    "Lax": (
        "def plan_sweep(self, job, search):\n"
        "    used = [key for key in search.space if any(placeholder(key) in word for word in job.argv)]\n"
        "    return super().plan_sweep(job, replace(search, space={key: search.space[key] for key in used}))",
        "a_key_that_the_job_never_uses_is_refused",
    ),
    "Poor": (
        "def trials(self, ref): return super().trials(ref)[:-1]",
        "every_point_is_a_trial_that_is_as_good_as_a_run",
    ),
    "Careless": (
        "def trials(self, ref):\n"
        "    return [replace(one, values={**one.values, 'seed': '1'}) for one in super().trials(ref)]",
        "every_point_is_a_trial_that_is_as_good_as_a_run",
    ),
    "Greedy": (
        # All at once, however long it takes to submit them.
        "def plan_sweep(self, job, search):\n"
        "    slow = tuple(word.replace('sleep(0.5)', 'sleep(5)') for word in job.argv)\n"
        "    return super().plan_sweep(replace(job, argv=slow), replace(search, parallel=4))",
        "every_point_is_a_trial_that_is_as_good_as_a_run",
    ),
    "Fresh": (
        "def _submit(self, request, key, after): return super()._submit(request, key, None)",
        "a_trial_goes_on_as_a_run_does",
    ),
    "Forgetful": (
        "def _find(self, key, after): return None if key == 'one' else super()._find(key, after)",
        "one_whose_submitter_is_killed_can_be_found",
    ),
    "Twofold": (
        "def submit_sweep(self, request, key):\n    return super().submit_sweep(request, f'{key}-{os.getpid()}')",
        "one_whose_submitter_is_killed_can_be_found",
    ),
    "Deaf": (
        "def _stop(self, one): pass\n"
        "def _status(self, ref):\n"
        "    told = super()._status(ref)\n"
        "    return replace(told, state=RunState.CANCELED) if told.state is RunState.FINALIZING else told",
        "canceling_it_stops_all_of_its_trials",
    ),
}
HEAD = """
    import os
    from dataclasses import replace

    from fledge import RunState, placeholder
    from sweeping_service import Service
"""
TEST = """

class Test{name}(SweeperContract):
    @pytest.fixture
    def backend(self, tmp_path):
        return wrongs.{name}(LocalOptions(slots=4), tmp_path / "home")
"""


def test_a_sweeper_that_breaks_a_promise_is_caught(tmp_path: Path) -> None:
    shutil.copy(sweeping_service.__file__, tmp_path)
    (tmp_path / "wrongs.py").write_text(textwrap.dedent(HEAD) + subclasses("Service", SWEEPERS))
    code = "import pytest\nimport wrongs\nfrom fledge.testing import SweeperContract\n"
    code += "from fledge_local.options import LocalOptions\n"
    code += "".join(TEST.format(name=name) for name in SWEEPERS)
    try:
        caught(outcomes(tmp_path, code, breaking(SWEEPERS)), SWEEPERS)
    finally:
        # What they left running.
        sweep(tmp_path)


# It runs no job, so that little of what a backend promises applies to it, and searches without a word.
IDLE = """
    from fledge import ComputeBackend, Options, Request, RunError, Sweeper, UsageError, placeholder


    class IdleOptions(Options):
        pass


    class Idle(ComputeBackend):
        def _plan(self, job): raise UsageError("it rests")
        def _submit(self, request, key, after): raise RunError("it rests")
        def _find(self, key, after): return None
        _status = _read_log = _cancel = _fetch = _submit


    class Seeker(Idle, Sweeper):
        sweep_tracker = "lines"

        def plan_sweep(self, job, search):
            if not all(any(placeholder(key) in word for word in job.argv) for key in search.space):
                raise UsageError("the command never uses name")
            return Request({}, job)

        def submit_sweep(self, request, key): raise RunError("it seeks no more")
        def trials(self, ref): return []
"""
OFFERS = ("Idle", "Seeker")


def test_plugins_check_holds_a_sweeper_to_both_of_its_contracts(fledge: "Fledge", tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    offered(site, "backend", textwrap.dedent(IDLE), OFFERS, "IdleOptions")
    fledge.environment["PYTHONPATH"] += f":{site}"
    lines = fledge("plugins", "check", "wrongs", "--json", status=1).lines
    idle, seeker = ({one["promise"]: one["outcome"] for one in lines if one["offer"] == name} for name in OFFERS)
    # As a backend the two are one.
    assert idle.items() <= seeker.items()
    assert {promise: outcome for promise, outcome in seeker.items() if promise not in idle} == {
        "planning a sweep starts and writes nothing": "passed",
        "a key that the job never uses is refused": "passed",
        "every point is a trial that is as good as a run": "failed",
        "a trial goes on as a run does": "failed",
        "one whose submitter is killed can be found": "failed",
        "canceling it stops all of its trials": "failed",
    }
