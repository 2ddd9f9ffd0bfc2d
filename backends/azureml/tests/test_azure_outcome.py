"""What the Azure ML backend makes of the service's words, and of what a run's ranks have said of their ends."""

import pytest
from fledge import RunState
from fledge_azureml.outcome import Ending, ending, of_a_sweep, status
from fledge_azureml.workspace import Details
from hypothesis import given
from hypothesis import strategies as st


def told(
    word: str, reason: str = "", *endings: Ending, canceled: bool = False, logs: bool = True
) -> tuple[str, int | None]:
    details = Details(word, reason, "2026-01-01T00:00:00+00:00", logs={"user_logs/std_log.txt": "url"} if logs else {})
    found = status(details, lambda: list(endings), lambda: canceled)
    return found.state.value, found.exit_code


@pytest.mark.parametrize(
    ("expected", "ends"),
    [
        (("FAILED", 3), [Ending(0, 3, False, "")]),
        (("FAILED", 3), [Ending(0, -15, True, ""), Ending(1, 3, False, "")]),
        (("LOST", -9), [Ending(0, -9, False, "")]),
        (("PREEMPTED", 75), [Ending(0, 75, True, "")]),
        (("PREEMPTED", -15), [Ending(0, -15, True, "")]),
        (("FAILED", 1), [Ending(0, 1, False, "pip cannot install x")]),
    ],
)
def test_how_a_failed_one_ended_is_its_ranks_word(expected: tuple[str, int], ends: list[Ending]) -> None:
    assert told("Failed", "the service's words: exited with code 7", *ends) == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("Execution failed. User process 'python' exited with status code 3. Please check", ("FAILED", 3)),
        ("Process 'worker 0' exited with code 137", ("LOST", -9)),
        ("AzureMLCompute job failed: ExecutionFailed: exit codes:[1]", ("FAILED", 1)),
        ("exit codes: [0, 0, 3]", ("FAILED", 3)),
        ("exit codes: {'0': 0, '11': 137}", ("LOST", -9)),
        ('exit codes: {"0": "1"}', ("FAILED", 1)),
        ("the process exited with code -15", ("PREEMPTED", -15)),
        ("exit code: -9", ("LOST", -9)),
        ("exit codes: [-9]", ("LOST", -9)),
        ("A node exited {on 2026-01-31}", ("LOST", None)),
        ("The node was preempted", ("PREEMPTED", None)),
        ("A node of the job was lost", ("LOST", None)),
        ("", ("LOST", None)),
    ],
)
def test_where_no_rank_left_a_word_the_services_counts(reason: str, expected: tuple[str, int | None]) -> None:
    assert told("Failed", reason) == expected


def test_whether_one_that_was_told_to_stop_had_begun_is_said() -> None:
    for logs, words in (({"user_logs/std_log.txt": "url"}, ""), ({}, " before it had begun")):
        found = status(Details("Failed", logs=logs), lambda: [Ending(0, 75, True, "")], bool)
        assert (found.state, found.reason) == (RunState.PREEMPTED, f"it was told to stop{words}")


def test_what_never_began_has_failed() -> None:
    assert told("Failed", "Image build failed", logs=False) == ("FAILED", None)


def test_a_persons_wish_is_a_cancellation_whatever_the_service_calls_it() -> None:
    assert told("Failed", "", Ending(0, 75, True, ""), canceled=True) == ("CANCELED", None)
    assert told("Canceled") == ("CANCELED", None)
    assert told("Completed") == ("COMPLETED", 0)


def test_words_that_nobody_knows_are_said() -> None:
    found = status(Details("Hibernating", "for winter"), list, bool)
    assert (found.state, found.reason) == (RunState.RUNNING, "the service calls it 'Hibernating': for winter")
    assert status(None, list, bool).state is RunState.LOST
    assert status(Details("Queued", "waits for 2 nodes"), list, bool).reason == "waits for 2 nodes"


@given(st.text(max_size=20), st.text(max_size=40))
def test_no_word_and_no_reason_ends_in_a_traceback(word: str, reason: str) -> None:
    assert status(Details(word, reason), list, bool).state in RunState


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"code": "x"}', b'{"code": 1, "asked": false}'])
def test_half_an_ending_is_none(content: bytes) -> None:
    assert ending("outputs/ended-0.json", content) is None
    assert ending("outputs/best.safetensors", b'{"code": 1, "asked": false, "reason": ""}') is None
    assert ending("outputs/ended-12.json", b'{"code": 1, "asked": false, "reason": ""}') == Ending(12, 1, False, "")


def test_a_sweep_that_failed_is_no_process_that_was_lost() -> None:
    for reason in ("All of its trials failed: exit code 1", "Nodes of one of its trials got preempted"):
        found = of_a_sweep(Details("Failed", reason))
        assert (found.state, found.reason) == (RunState.FAILED, reason)
    assert of_a_sweep(Details("Canceled")).state is RunState.CANCELED
    assert of_a_sweep(None).state is RunState.LOST


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Running", RunState.RUNNING),
        # Which of its trials lagged behind nobody can tell any more.
        ("CancelRequested", RunState.FINALIZING),
        ("Canceled", RunState.CANCELED),
        ("Completed", RunState.COMPLETED),
        ("Failed", RunState.FAILED),
    ],
)
def test_a_sweep_is_what_the_service_calls_it(word: str, state: RunState) -> None:
    found = of_a_sweep(Details(word, "why"))
    assert found.state is state
    assert found.reason or state is RunState.COMPLETED
