"""The states of a run as one table: which may follow which, and on whose word.

The table is the whole of it. A word that it does not allow changes nothing: a worker that was thought dead and speaks
up after its run was completed by another, say. States are judged from the journal and the backend by
whoever looks (`fledge.runs.observe`), and kept in `state.json`, which is replaced in one step under the run's lock.
"""

from collections.abc import Mapping
from enum import StrEnum

from fledge.interfaces.state import RunState


class Actor(StrEnum):
    """Whose word it is.

    WORKER   a state event in the journal
    BACKEND  what a backend says of a run that left no last word, or that waits
    RESUME   `fledge runs resume`, or a retry: a new submission of the same run
    CANCEL   `fledge runs cancel` of one that has ended, and would be resumed by itself
    """

    WORKER = "worker"
    BACKEND = "backend"
    RESUME = "resume"
    CANCEL = "cancel"


_W, _B, _R, _C = Actor.WORKER, Actor.BACKEND, Actor.RESUME, Actor.CANCEL
_S = RunState

# How a run that has begun may end. LOST is never its own word. COMPLETED on a backend's word alone is for
# jobs that keep no journal.
_ENDS: dict[RunState, frozenset[Actor]] = {
    _S.FAILED: frozenset({_W, _B}),
    _S.CANCELED: frozenset({_W, _B}),
    _S.PREEMPTED: frozenset({_W, _B}),
    _S.LOST: frozenset({_B}),
    _S.COMPLETED: frozenset({_B}),
}
# A worker that its backend starts again says PREPARING once more; while it waits to be started, it is QUEUED.
_AGAIN: dict[RunState, frozenset[Actor]] = {_S.QUEUED: frozenset({_B}), _S.PREPARING: frozenset({_W})}

TRANSITIONS: Mapping[RunState, Mapping[RunState, frozenset[Actor]]] = {
    _S.QUEUED: {_S.PREPARING: frozenset({_W})} | {end: frozenset({_B}) for end in _ENDS},
    _S.PREPARING: {_S.RUNNING: frozenset({_W})} | _AGAIN | _ENDS,
    _S.RUNNING: {_S.FINALIZING: frozenset({_W})} | _AGAIN | _ENDS,
    _S.FINALIZING: _AGAIN | _ENDS | {_S.COMPLETED: frozenset({_W, _B})},
    _S.COMPLETED: {},
    _S.FAILED: {_S.QUEUED: frozenset({_R, _B}), _S.PREPARING: frozenset({_W}), _S.CANCELED: frozenset({_B, _C})},
    # A worker of a canceled run begins where a person has resumed it.
    _S.CANCELED: {_S.QUEUED: frozenset({_R}), _S.PREPARING: frozenset({_W})},
    # A worker knows that it was stopped, and only its backend who wanted it.
    _S.PREEMPTED: {_S.QUEUED: frozenset({_R, _B}), _S.PREPARING: frozenset({_W}), _S.CANCELED: frozenset({_B, _C})},
    _S.LOST: {_S.QUEUED: frozenset({_R}), _S.CANCELED: frozenset({_C})},
}
RESUMABLE = frozenset(state for state, after in TRANSITIONS.items() if Actor.RESUME in after.get(_S.QUEUED, ()))


def allowed(before: RunState, after: RunState, actor: Actor) -> bool:
    """Whether `actor` may take a run from one state to another."""
    return actor in TRANSITIONS[before].get(after, frozenset())


def advance(before: RunState, after: RunState, actor: Actor) -> RunState:
    """`after` where the table allows it, else `before`."""
    return after if allowed(before, after, actor) else before
