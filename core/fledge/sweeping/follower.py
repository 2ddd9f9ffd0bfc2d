"""Follower: has each trial of a native sweep be a run here, and tells the study what comes of it."""

from collections.abc import Callable
from pathlib import Path

from fledge.errors import FledgeError, RunError
from fledge.interfaces.backend import ComputeBackend, Status
from fledge.interfaces.state import RunState
from fledge.interfaces.sweeper import NativeTrial, Sweeper
from fledge.resumption import look
from fledge.runs.history import History
from fledge.runs.places import runs
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory
from fledge.sweeping.adoption import adopt, values_of
from fledge.sweeping.definition import Definition
from fledge.sweeping.outcome import value_of
from fledge.sweeping.proposals import distributions
from fledge.sweeping.sent import Sent, was_canceled
from fledge.sweeping.study import Study
from fledge.sweeping.trial import Trial

_LAGGED = "the service stopped it, for it lagged behind the best"


class Follower:
    def __init__(
        self,
        definition: Definition,
        study: Study,
        sent: Sent,
        backend: ComputeBackend,
        home: Path,
        say: Callable[[str], None],
        ended: Callable[[Trial], None],
    ) -> None:
        assert sent.ref is not None
        assert isinstance(backend, Sweeper)
        self._definition, self._study, self._sent, self._home = definition, study, sent, home
        self._backend, self._sweeper, self._ref = backend, backend, sent.ref
        self._say, self._ended = say, ended
        self._waits = False
        self._strange: set[str] = set()
        self.over = False

    def look(self) -> bool:
        """Bring all up to date; whether the sweep is over, and all of its trials are judged.

        A service that does not answer is asked again the next time. Raises RunError where it came to nothing.
        """
        try:
            status = self._backend.status(self._ref)
            # Asked for afterwards: of a sweep that is over, these are all.
            begun = {one.ref.key: one for one in self._sweeper.trials(self._ref)}
            self._adopt_new(begun)
            for trial in self._study.trials():
                if trial.runs:
                    self._attend(trial, begun)
        except FledgeError as error:
            if not error.transient:
                raise
            if not self._waits:
                self._say(f"warning: the service is waited for: {error.message}")
            self._waits = True
            return False
        self._waits = False
        trials = self._study.trials()
        if status.state.is_final and not any(trial.runs for trial in trials):
            self.over = True
            self._conclude(status, trials)
        return self.over

    def _adopt_new(self, begun: dict[str, NativeTrial]) -> None:
        known = {trial.native for trial in self._study.trials()}
        space = self._definition.space
        for name, one in begun.items():
            if name in known or name in self._strange:
                continue
            try:
                values = values_of(one, space)
            except RunError as error:
                self._say(f"warning: {error.message}; it is left alone")
                self._strange.add(name)
                continue
            # The study first: a run's folder without a trial would be made a second time.
            run = RunDirectory.create(self._home)
            self._study.add(values, distributions(space), run.id, native=name)

    def _attend(self, trial: Trial, begun: dict[str, NativeTrial]) -> None:
        run = RunDirectory(runs(self._home) / trial.run)
        if not (run.path / "state.json").exists():
            one = begun.get(trial.native or "")
            if one is None:
                self._fail(trial, "the service knows no such trial any more")
                return
            adopt(one, run, self._definition, self._sent, self._backend)
            self._say(f"trial {trial.number} has begun, run {run.id}: {trial.words}")
        record = look(run, self._backend)
        if record.state.is_final:
            self._judge(trial, run, record)

    def _judge(self, trial: Trial, run: RunDirectory, record: RunRecord) -> None:
        told = self._definition
        # Asked only now: a sweep that is being canceled says so before its trials are.
        sweep = self._backend.status(self._ref) if record.state is RunState.CANCELED else None
        if record.state is RunState.COMPLETED:
            try:
                self._study.complete(trial.number, value_of(run, told.metric, known=True))
            except RunError as error:
                self._fail(trial, error.message)
                return
        elif sweep and sweep.state is RunState.FINALIZING:
            # Whether it lagged behind, or all of the sweep is being canceled, is known once that has ended.
            return
        elif sweep and self._was_pruned(run, sweep):
            self._study.object(trial.number, _LAGGED)
            self._study.prune(trial.number)
        else:
            reason = (record.error or "no reason known").splitlines()[0]
            self._fail(trial, f"{record.state}: {reason}")
            return
        self._ended(self._study.trials()[trial.number])

    def _was_pruned(self, run: RunDirectory, sweep: Status) -> bool:
        """Whether the service canceled it by itself, and no person did: this run, or the whole sweep."""
        by_hand = was_canceled(self._definition.folder) or sweep.state is RunState.CANCELED
        alone = History.read(run.path).state is RunState.CANCELED
        return self._definition.pruner is not None and not by_hand and not alone

    def _fail(self, trial: Trial, error: str) -> None:
        self._study.fail(trial.number, error)
        self._ended(self._study.trials()[trial.number])

    def _conclude(self, status: Status, trials: list[Trial]) -> None:
        name, wanted = self._definition.name, self._definition.trials - len(self._strange)
        if status.state is not RunState.COMPLETED:
            reason = f": {status.reason}" if status.reason else ""
            if not trials and status.state is not RunState.CANCELED:
                raise RunError(f"sweep {name} is {status.state}, and none of its trials had begun{reason}")
            self._say(f"sweep {name} is {status.state}{reason}")
        elif len(trials) < wanted:
            self._say(f"warning: {wanted - len(trials)} of {wanted} trials never began: the service knows why")
