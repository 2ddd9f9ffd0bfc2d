"""A sweep's words, ranges and choices, as properties; and whom the bandit stops."""

import json
from typing import Any

import pytest
from fledge.errors import SpecError
from fledge.interfaces.search import Choices, Range
from fledge.sweeping.bandit import Bandit
from fledge.sweeping.domain import from_dict, parse_parameter, to_dict
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9, allow_nan=False).map(lambda one: one + 0.0)


@given(NUMBERS, NUMBERS, st.booleans())
def test_a_range_is_read_as_it_is_printed(one: float, other: float, log: bool) -> None:
    low, high = min(one, other), max(one, other)
    wanted = Range(low, high, log)
    if low == high or (log and low <= 0):
        with pytest.raises(SpecError):
            parse_parameter(f"training.lr={wanted}")
        return
    assert parse_parameter(f" training.lr = {wanted}") == ("training.lr", wanted)
    assert from_dict(json.loads(json.dumps(to_dict(wanted)))) == wanted


@given(st.lists(st.integers() | st.booleans() | st.sampled_from(["sgd", "adamw", "a b"]), min_size=2, unique_by=repr))
def test_choices_are_read_as_they_are_printed(values: list[Any]) -> None:
    words = ",".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
    key, found = parse_parameter(f"model.x={words}")
    assert (key, found) == ("model.x", Choices(tuple(values)))
    assert from_dict(json.loads(json.dumps(to_dict(found)))) == found


@given(st.text(max_size=20))
def test_whatever_is_written_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        key, domain = parse_parameter(text)
    except SpecError as error:
        told = str(error)
    else:
        told = f"--param {key}"
        assert len(set(map(repr, domain.ends()))) >= 2
    assert told.startswith("--param")


CURVES = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=5), max_size=4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), CURVES, st.floats(0, 1), st.booleans())
def test_the_bandit_is_azures(mine: list[float], others: list[list[float]], slack: float, maximize: bool) -> None:
    objects = Bandit(slack).objection(mine, others, maximize=maximize) is not None
    so_far = [curve[: len(mine)] for curve in others]
    if maximize:
        own, best = max(mine), max(map(max, [mine, *so_far]))
        assert objects == (own + own * slack < best)
    else:
        own, best = min(mine), min(map(min, [mine, *so_far]))
        assert objects == (own > best + best * slack)


@given(st.integers(1, 4), st.integers(0, 6), st.integers(1, 12))
def test_the_bandit_looks_when_it_is_told_to(interval: int, delay: int, at: int) -> None:
    objects = Bandit(0.1, interval, delay).objection([0.0] * at, [[1.0]], maximize=True)
    assert (objects is not None) == (at % interval == 0 and at >= delay)
