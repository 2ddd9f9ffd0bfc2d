"""Attendant: looks after the runs of trials, and tells the study what comes of them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.errors import FledgeError, RunError, UsageError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.state import RunState
from fledge.plan.make import make_plan
from fledge.resumption import cancel, look, resume
from fledge.runs.observe import observe
from fledge.runs.places import runs
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory
from fledge.spec.varied import spec_with
from fledge.submission import backend_for, submit
from fledge.sweeping.bandit import Bandit
from fledge.sweeping.curve import curve
from fledge.sweeping.definition import Definition
from fledge.sweeping.outcome import NoMetric, promises, value_of
from fledge.sweeping.study import Study
from fledge.sweeping.trial import Trial

# How often one command takes a trial up again that was lost: what is lost every time would be for ever.
_REVIVALS = 3


class Attendant:
    def __init__(
        self,
        definition: Definition,
        study: Study,
        catalog: Catalog,
        home: Path,
        say: Callable[[str], None],
        ended: Callable[[Trial], None],
    ) -> None:
        self._definition, self._study, self._catalog, self._home = definition, study, catalog, home
        self._say, self._ended = say, ended
        self._revived: Counter[int] = Counter()
        self._waiting: set[int] = set()
        # Whether the metric is one that there is; a script tells its metrics when it likes.
        self._promised = "script" in definition.base

    def attend(self, trial: Trial) -> None:
        """Do what there is to do for a trial that has not ended.

        A backend that does not answer is asked again the next time. Raises FledgeError for what would trouble every
        other trial too, NoMetric among it: once it is known that there is no such metric.
        """
        run = self._run(trial)
        try:
            # Written before its backend is asked: without it, nothing was ever submitted.
            if not (run.path / "state.json").exists():
                self._submit(trial, run)
                return
            backend = backend_for(run, self._catalog, self._home)
            record = look(run, backend)
            if not record.state.is_final:
                # As soon as a first epoch has ended: nothing is trained for a metric that there is not.
                self._promised = self._promised or promises(run, self._definition.metric)
                trial = self._watched(trial, run)
                if trial.objection is None:
                    return
                record = cancel(run, backend)
            if record.state.is_final:
                self._judge(trial, run, backend, record)
        except FledgeError as error:
            if not error.transient:
                raise
            if trial.number not in self._waiting:
                self._say(f"warning: trial {trial.number} is waited for: {error.message}")
            self._waiting.add(trial.number)
        else:
            self._waiting.discard(trial.number)

    def stop_all(self, error: str | None = None) -> None:
        """Cancel what runs, for it to be gone on with another time; or, with an error, for it to have failed."""
        for trial in self._study.trials():
            if trial.runs:
                self._stop(trial, self._run(trial))
                if error:
                    self._fail(trial, error)

    def _stop(self, trial: Trial, run: RunDirectory) -> None:
        if not (run.path / "state.json").exists():
            return
        try:
            backend = backend_for(run, self._catalog, self._home)
            # One that has just ended is judged another time.
            if observe(run, backend).state.is_final:
                return
            self._say(f"canceling trial {trial.number}, run {run.id}")
            # Noted first: whoever finds the run canceled must know that no person wanted the trial to end.
            self._study.interrupted(trial.number, True)
            cancel(run, backend)
        except (FledgeError, OSError) as error:
            self._say(f"warning: run {run.id} may still run: {error}")

    def _run(self, trial: Trial) -> RunDirectory:
        return RunDirectory(runs(self._home) / trial.run)

    def _submit(self, trial: Trial, run: RunDirectory) -> None:
        told = self._definition
        try:
            spec = spec_with({**told.base, "experiment": told.name}, trial.params)
            plan = make_plan(spec, self._catalog, self._home)
        except UsageError as error:
            # Values that are good alone, and not together.
            run.discard()
            self._fail(trial, error.message)
            return
        # Gone where an earlier submission has failed.
        run.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._noted(trial):
            submit(plan, self._catalog, self._home, run=run)
        self._say(f"trial {trial.number} begins, run {run.id}: {trial.words}")

    def _watched(self, trial: Trial, run: RunDirectory) -> Trial:
        """Tell the study what is new of the metric, and have the pruner's objection, if any, noted there."""
        told = self._definition
        if told.pruner is None or trial.objection:
            return trial
        others = [one.curve for one in self._study.trials() if one.number != trial.number]
        values = curve(run.path, told.metric)
        for at in range(len(trial.curve) + 1, len(values) + 1):
            halved = self._study.report(trial.number, at, values[at - 1])
            why: str | None = f"after {at} it was not among the best" if halved else None
            if isinstance(told.pruner, Bandit):
                why = told.pruner.objection(values[:at], others, maximize=told.maximize)
            if why:
                self._study.object(trial.number, why)
                break
        return self._study.trials()[trial.number]

    def _judge(self, trial: Trial, run: RunDirectory, backend: ComputeBackend, record: RunRecord) -> None:
        """What becomes of a trial whose run has ended."""
        match record.state:
            case RunState.COMPLETED:
                self._complete(trial, run)
            case _ if trial.objection:
                self._study.prune(trial.number)
                self._tell(trial)
            case RunState.CANCELED if trial.interrupted:
                self._resume(trial, run, backend, "goes on")
            case RunState.LOST | RunState.PREEMPTED if self._revived[trial.number] < _REVIVALS:
                self._revived[trial.number] += 1
                self._resume(trial, run, backend, f"was {record.state} and is resumed")
            case _:
                reason = (record.error or "no reason known").splitlines()[0]
                self._fail(trial, f"{record.state}: {reason}")

    def _complete(self, trial: Trial, run: RunDirectory) -> None:
        told = self._definition
        if told.pruner is not None:
            # What it reported in its last moments counts for the others, and stops nothing any more.
            values = curve(run.path, told.metric)
            for at in range(len(trial.curve) + 1, len(values) + 1):
                self._study.report(trial.number, at, values[at - 1])
        try:
            known = any(one.value is not None for one in self._study.trials())
            self._study.complete(trial.number, value_of(run, told.metric, known=known))
            self._tell(trial)
        except NoMetric:
            raise
        except RunError as error:
            self._fail(trial, error.message)

    def _resume(self, trial: Trial, run: RunDirectory, backend: ComputeBackend, what: str) -> None:
        try:
            with self._noted(trial):
                resume(run, backend, "person")
        except RunError as error:
            if error.transient:
                raise
            self._fail(trial, error.message)
        else:
            self._say(f"trial {trial.number}, run {run.id}, {what}: {trial.words}")

    @contextmanager
    def _noted(self, trial: Trial) -> Iterator[None]:
        """Within, Ctrl-C cancels the run that was just submitted; noted first, as in `_stop`."""
        self._study.interrupted(trial.number, True)
        yield
        self._study.interrupted(trial.number, False)

    def _fail(self, trial: Trial, error: str) -> None:
        self._study.fail(trial.number, error)
        self._tell(trial)

    def _tell(self, trial: Trial) -> None:
        self._ended(self._study.trials()[trial.number])
