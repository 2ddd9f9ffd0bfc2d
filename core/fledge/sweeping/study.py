"""Study: the trials of a sweep, in Optuna's SQLite file; dashboards made for Optuna can open it."""

import sqlite3
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from fledge.interfaces.search import Value
from fledge.sweeping.trial import Trial, TrialState

_FILE = "study.db"
_STATES = {
    OptunaState.RUNNING: TrialState.RUNNING,
    OptunaState.COMPLETE: TrialState.COMPLETED,
    OptunaState.PRUNED: TrialState.PRUNED,
    OptunaState.FAIL: TrialState.FAILED,
}
_LOCK_SECONDS = 20.0


class Study:
    """One process writes to it at a time; each method is done once it returns, and done whole or not at all."""

    def __init__(self, folder: Path, name: str, *, maximize: bool, halving: bool) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # Not by its address: a folder's name may hold letters that mean something there.
        connect = partial(sqlite3.connect, folder / _FILE, timeout=_LOCK_SECONDS, check_same_thread=False)
        pruner: BasePruner = SuccessiveHalvingPruner(min_resource=1) if halving else NopPruner()
        self._study = optuna.create_study(
            storage=RDBStorage(f"sqlite:///{_FILE}", engine_kwargs={"creator": connect}),
            study_name=name,
            direction="maximize" if maximize else "minimize",
            # Values are proposed elsewhere.
            sampler=RandomSampler(),
            pruner=pruner,
            load_if_exists=True,
        )

    def frozen(self) -> list[FrozenTrial]:
        """As Optuna has them, in order of their numbers."""
        return self._study.get_trials(deepcopy=False)

    def trials(self) -> list[Trial]:
        return [_trial(one) for one in self.frozen()]

    def add(
        self,
        params: Mapping[str, Value],
        distributions: Mapping[str, BaseDistribution],
        run: str,
        native: str | None = None,
    ) -> None:
        """A new trial, at once with its values, its run's id, and what a service calls it."""
        self._study.add_trial(
            optuna.create_trial(
                state=OptunaState.RUNNING,
                params=dict(params),
                distributions=dict(distributions),
                user_attrs={"run": run} | ({"native": native} if native else {}),
            )
        )

    def report(self, number: int, interval: int, value: float) -> bool:
        """The metric at an interval; returns whether Optuna's pruner objects."""
        trial = self._open(number)
        trial.report(value, interval)
        return trial.should_prune()

    def object(self, number: int, why: str) -> None:
        """Noted before its run is told, so that whoever finds that canceled knows why."""
        self._open(number).set_user_attr("objection", why)

    def interrupted(self, number: int, yes: bool) -> None:
        self._open(number).set_user_attr("interrupted", yes)

    def complete(self, number: int, value: float) -> None:
        self._study.tell(number, value)

    def prune(self, number: int) -> None:
        self._study.tell(number, state=OptunaState.PRUNED)

    def fail(self, number: int, error: str) -> None:
        self._open(number).set_user_attr("error", error)
        self._study.tell(number, state=OptunaState.FAIL)

    def _open(self, number: int) -> optuna.trial.Trial:
        # The one private name: a trial that another process began has no other way to be reported to.
        return optuna.trial.Trial(self._study, self.frozen()[number]._trial_id)


def _trial(one: FrozenTrial) -> Trial:
    told = one.user_attrs
    state = _STATES[one.state]
    value = one.value if state in (TrialState.COMPLETED, TrialState.PRUNED) else None
    curve = [one.intermediate_values[at] for at in sorted(one.intermediate_values)]
    error = told.get("error") if state is TrialState.FAILED else None
    objection, interrupted = told.get("objection"), bool(told.get("interrupted"))
    native = told.get("native")
    return Trial(one.number, one.params, state, told["run"], value, curve, error, objection, interrupted, native)
