"""SweeperContract: what every Sweeper promises."""

import json
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fledge.errors import UsageError
from fledge.interfaces.backend import ComputeBackend, Request, RunRef, Status
from fledge.interfaces.job import Job
from fledge.interfaces.search import Choices, Domain, Search, placeholder
from fledge.interfaces.state import RunState
from fledge.interfaces.sweeper import NativeTrial, Sweeper
from fledge.testing.contracts.backends.jobs import COUNTS, WAITS, Jobs
from fledge.testing.contracts.contract import files_below

_SPACE: Mapping[str, Domain] = {"seed": Choices((1, 2)), "name": Choices(("sgd", "two words"))}
_POINTS = {(seed, name) for seed in ("1", "2") for name in ("sgd", "two words")}
# As many as run at once.
_PARALLEL = 2
_SEARCH = Search(
    space=_SPACE, sampler="grid", policy=None, metric="accuracy", maximize=True,
    trials=len(_POINTS), parallel=_PARALLEL, seed=0,
)  # fmt: skip
_LATE_SECONDS = 60.0
_TELLS = COUNTS + (
    "import json, time\n"
    "begun = time.time()\n"
    "time.sleep(0.5)\n"
    "told = {'words': sys.argv[1:], 'begun': begun, 'ended': time.time()}\n"
    "tries.with_name('told').write_text(json.dumps(told))\n"
    "print('told', *sys.argv[1:])\n"
)
_KILLED = (
    "import os, signal\nrequest, key = told\nbackend.submit_sweep(request, key)\nos.kill(os.getpid(), signal.SIGKILL)\n"
)


class SweeperContract(Jobs):
    """Held by an offer of a backend, or by a fixture `backend` with a home of the test's own.

    It searches a grid of four points. Its trials are short Python programs, which tell no metric. To a sweeper that
    refuses to plan that (UsageError), what it would prove does not apply.
    """

    @pytest.fixture
    def sweeper(self, backend: ComputeBackend) -> Sweeper:
        assert isinstance(backend, Sweeper), f"{type(backend).__name__} is no Sweeper"
        return backend

    def test_planning_a_sweep_starts_and_writes_nothing(
        self, backend: ComputeBackend, sweeper: Sweeper, tmp_path: Path
    ) -> None:
        request = self.sweep(sweeper, "")
        assert self.sweep(sweeper, "") == request
        assert json.loads(json.dumps(request.body)) == request.body
        assert backend.find("one") is None
        assert files_below(tmp_path) == {}

    def test_a_key_that_the_job_never_uses_is_refused(self, sweeper: Sweeper) -> None:
        request = self.sweep(sweeper, "")
        with pytest.raises(UsageError, match="name"):
            sweeper.plan_sweep(replace(request.job, argv=request.job.argv[:-1]), _SEARCH)

    def test_every_point_is_a_trial_that_is_as_good_as_a_run(self, backend: ComputeBackend, sweeper: Sweeper) -> None:
        request = self.sweep(sweeper, _TELLS)
        ref = sweeper.submit_sweep(request, "one")
        assert json.loads(json.dumps(vars(ref))) == vars(ref)
        assert sweeper.submit_sweep(request, "one") == ref
        assert self.ended(backend, sweeper, ref).state is RunState.COMPLETED
        trials = sweeper.trials(ref)
        assert {(one.values["seed"], one.values["name"]) for one in trials} == _POINTS
        assert [one.number for one in trials] == sorted({one.number for one in trials})
        told = [self.left_by(backend, one) for one in trials]
        at_once = [sum(one["begun"] <= at["begun"] < one["ended"] for one in told) for at in told]
        assert max(at_once) <= _PARALLEL, "more trials ran at once than were to"
        assert sweeper.trials(ref) == trials
        assert sweeper.submit_sweep(request, "one") == ref

    def test_a_trial_goes_on_as_a_run_does(self, backend: ComputeBackend, sweeper: Sweeper) -> None:
        ref = sweeper.submit_sweep(self.sweep(sweeper, COUNTS), "one")
        assert self.ended(backend, sweeper, ref).state is RunState.COMPLETED
        trial = sweeper.trials(ref)[-1].ref
        later = backend.submit(self.request(backend, COUNTS), "later", after=trial)
        self.log(backend, later)
        assert self.output(backend, later, "tries") == "xx"

    def test_one_whose_submitter_is_killed_can_be_found(self, backend: ComputeBackend, sweeper: Sweeper) -> None:
        request = self.sweep(sweeper, COUNTS)
        self.in_another_process(_KILLED, backend, (request, "one"), status=-signal.SIGKILL)
        ref = sweeper.submit_sweep(request, "one")
        assert self.ended(backend, sweeper, ref).state is RunState.COMPLETED
        trials = sweeper.trials(ref)
        assert len(trials) == len(_POINTS)
        assert backend.find("one") is not None
        for one in trials:
            assert self.output(backend, one.ref, "tries") == "x"

    def test_canceling_it_stops_all_of_its_trials(self, backend: ComputeBackend, sweeper: Sweeper) -> None:
        ref = sweeper.submit_sweep(self.sweep(sweeper, WAITS), "one")
        while len(begun := sweeper.trials(ref)) < _PARALLEL:
            assert not backend.status(ref).state.is_final
            time.sleep(backend.poll_seconds)
        for one in begun:
            self.wait_until_up(backend, one.ref)
        assert backend.cancel(ref).state is RunState.CANCELED
        assert backend.cancel(ref).state is RunState.CANCELED
        trials = sweeper.trials(ref)
        assert {one.ref.key for one in begun} <= {one.ref.key for one in trials}
        late = time.monotonic() + _LATE_SECONDS
        for one in trials:
            # That its trials end is promised, and not that they have by now.
            while not (status := backend.status(one.ref)).state.is_final:
                assert time.monotonic() < late, f"trial {one.number} goes on"
                time.sleep(backend.poll_seconds)
            assert status.state is RunState.CANCELED
        assert sweeper.trials(ref) == trials

    def sweep(self, sweeper: Sweeper, code: str) -> Request:
        words = [f"{key}={placeholder(key)}" for key in _SPACE]
        try:
            return sweeper.plan_sweep(Job(name="contract", argv=("python", "-c", code, *words)), _SEARCH)
        except UsageError as error:
            pytest.skip(f"it searches no such thing: {error.message}")

    def ended(self, backend: ComputeBackend, sweeper: Sweeper, ref: RunRef) -> Status:
        while not (status := backend.status(ref)).state.is_final:
            # As whoever follows a sweep asks.
            sweeper.trials(ref)
            time.sleep(backend.poll_seconds)
        return status

    def left_by(self, backend: ComputeBackend, trial: NativeTrial) -> dict[str, Any]:
        """What a trial has left, which is to be of its own values."""
        assert backend.status(trial.ref).state is RunState.COMPLETED
        told: dict[str, Any] = json.loads(self.output(backend, trial.ref, "told"))
        assert told["words"] == [f"{key}={trial.values[key]}" for key in _SPACE]
        assert self.log(backend, trial.ref).decode().splitlines()[-1] == " ".join(["told", *told["words"]])
        assert self.output(backend, trial.ref, "tries") == "x"
        return told
