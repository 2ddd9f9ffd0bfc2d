"""The table of states, and journals of any content folded by it."""

import json
import socket
from pathlib import Path

import pytest
from fledge.errors import DataError, FledgeError
from fledge.interfaces.state import FINAL, RunState
from fledge.runs.history import History
from fledge.runs.state_machine import RESUMABLE, TRANSITIONS, Actor, advance, allowed
from fledge.transient import is_transient
from hypothesis import given
from hypothesis import strategies as st

STATES = st.sampled_from(list(RunState))
WORDS = st.lists(
    st.one_of(
        st.builds(lambda state: {"event": "state", "state": state.value, "time": "t"}, STATES),
        st.sampled_from([{"event": "resumed", "by": "person"}, {"event": "resumed", "by": "retry"}]),
        st.just({"event": "heartbeat", "time": "t"}),
    ),
    max_size=30,
)


def test_every_state_has_a_row_and_only_completed_is_the_end_of_it() -> None:
    assert set(TRANSITIONS) == set(RunState)
    assert {state for state, after in TRANSITIONS.items() if not after} == {RunState.COMPLETED}
    assert FINAL - {RunState.COMPLETED} == RESUMABLE


def test_nobody_calls_itself_lost_and_only_a_resume_brings_back_what_was_given_up() -> None:
    for before, after in TRANSITIONS.items():
        assert Actor.WORKER not in after.get(RunState.LOST, ())
        if before in (RunState.LOST, RunState.CANCELED):
            assert after[RunState.QUEUED] == {Actor.RESUME}
            assert set(after) <= {RunState.QUEUED, RunState.CANCELED, RunState.PREPARING}
        if before not in FINAL:
            assert Actor.RESUME not in set().union(*after.values())


@given(STATES, STATES, st.sampled_from(list(Actor)))
def test_a_word_that_is_not_allowed_changes_nothing(before: RunState, after: RunState, actor: Actor) -> None:
    assert advance(before, after, actor) is (after if allowed(before, after, actor) else before)


@given(WORDS)
def test_no_journal_leads_out_of_the_table(words: list[dict[str, str]]) -> None:
    history = History()
    for word in words:
        before = history.state
        history.hear(word)
        if history.state is not before and word["event"] == "state":
            assert allowed(before, history.state, Actor.WORKER)
        if before is RunState.COMPLETED:
            assert history.state is RunState.COMPLETED
        assert history.state is not RunState.LOST
    assert 0 <= history.retries_used <= len(words)


def test_a_torn_journal_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    lines = [{"time": "t", "event": "state", "state": state} for state in ("PREPARING", "RUNNING")]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "journal.jsonl").write_text(text + '{"time": "t", "event": "state", "sta')
    assert History.read(tmp_path).state is RunState.RUNNING


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (socket.gaierror(socket.EAI_AGAIN, "no name"), False),
        (OSError(116, "stale file handle"), True),
        (OSError(28, "no space left"), False),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), True),
        (RuntimeError("anything else"), False),
        (DataError("gone", transient=True), True),
        (DataError("gone"), False),
        (ValueError(), False),
    ],
)
def test_which_errors_pass(error: Exception, passing: bool) -> None:
    assert is_transient(error) is passing


def test_an_error_that_passes_still_does_so_after_a_pickle() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(DataError("gone", hint="wait", transient=True)))
    assert isinstance(error, FledgeError)
    assert (error.message, error.hint, error.transient) == ("gone", "wait", True)
