"""The loopback's sweeps: what it draws, and whom its policy stops."""

import itertools

import pytest
from loopback.jobs import Job, Work
from loopback.sweeps import Bandit, Sweeps, Wanted

SPACE = {
    "lr": ["uniform", [0.25, 0.5]],
    "decay": ["loguniform", [-7.0, -2.0]],
    "size": ["quniform", [0.5, 3.5, 1]],
    "rounds": ["qloguniform", [0.0, 3.0, 1]],
    "name": ["choice", [["a", "b"]]],
}


def wanted(**told: object) -> Wanted:
    given: dict[str, object] = {
        "name": "one", "space": SPACE, "sampling": "random", "seed": 3, "metric": "acc", "maximize": True,
        "trials": 200, "parallel": 2, **told,
    }  # fmt: skip
    return Wanted(**given)  # type: ignore[arg-type]  # told by name


def test_what_is_drawn_is_of_its_space_and_the_same_for_the_same_seed() -> None:
    points = list(wanted().points())
    assert len(points) == 200
    for one in points:
        assert 0.25 <= one["lr"] <= 0.5
        assert 0.0009 < one["decay"] < 0.14
        assert str(one["size"]) in ("1.0", "2.0", "3.0")
        assert one["rounds"].is_integer()
        assert 1 <= one["rounds"] <= 20
    assert {one["name"] for one in points} == {"a", "b"}
    # Half of them are below the middle of the exponents.
    assert 60 < sum(one["decay"] < 0.011 for one in points) < 140
    assert points == list(wanted().points())
    assert points != list(wanted(seed=4).points())
    assert list(wanted(seed=None).points()) == list(wanted(seed=None).points())
    assert list(wanted(seed=None).points()) != list(wanted(seed=None, name="two").points())


def test_a_grid_is_every_combination_as_far_as_there_are_trials() -> None:
    space = {"lr": ["choice", [[1, 2]]], "name": ["choice", [["a", "b"]]]}
    every = [{"lr": lr, "name": name} for lr, name in itertools.product((1, 2), ("a", "b"))]
    assert list(wanted(space=space, sampling="grid").points()) == every
    assert list(wanted(space=space, sampling="grid", trials=3).points()) == every[:3]
    with pytest.raises(ValueError, match="no normal"):
        next(wanted(space={"lr": ["normal", [0, 1]]}).points())


@pytest.mark.parametrize(
    ("policy", "maximize", "own", "lags"),
    [
        # Y + Y * 0.25 < 0.8, in Microsoft's own words.
        (Bandit(slack_factor=0.25), True, 0.63, True),
        (Bandit(slack_factor=0.25), True, 0.65, False),
        (Bandit(slack_factor=0.25), False, 1.01, True),
        (Bandit(slack_factor=0.25), False, 0.99, False),
        (Bandit(slack_amount=0.25), True, 0.54, True),
        (Bandit(slack_amount=0.25), True, 0.56, False),
        (Bandit(slack_amount=0.25), False, 1.06, True),
        (Bandit(slack_amount=0.25), False, 1.04, False),
    ],
)
def test_who_lags_is_as_microsoft_has_it(policy: Bandit, maximize: bool, own: float, lags: bool) -> None:
    assert policy.lags(own, 0.8, maximize=maximize) is lags


@pytest.mark.parametrize(
    ("policy", "curves", "stopped"),
    [
        (Bandit(0.2), {"a": [0.8], "b": [0.1]}, ["b"]),
        # One that has told nothing yet.
        (Bandit(0.2), {"a": [0.8], "b": []}, []),
        # What counts is the best so far, and of the others what they had reached by then.
        (Bandit(0.2), {"a": [0.5, 0.1], "b": [0.5, 0.9, 0.9]}, ["a"]),
        (Bandit(0.2), {"a": [0.5], "b": [0.5, 0.9]}, []),
        (Bandit(0.2, delay=3), {"a": [0.8, 0.8], "b": [0.1, 0.1]}, []),
        (Bandit(0.2, delay=3), {"a": [0.8, 0.8], "b": [0.1, 0.1, 0.1]}, ["b"]),
        # Only at every other: what came after the last does not help.
        (Bandit(0.2, interval=2), {"a": [0.8], "b": [0.1]}, []),
        (Bandit(0.2, interval=2), {"a": [0.8], "b": [0.1, 0.1, 0.8]}, ["b"]),
        (None, {"a": [0.8], "b": [0.1]}, []),
    ],
)
def test_who_is_stopped(policy: Bandit | None, curves: dict[str, list[float]], stopped: list[str]) -> None:
    sweeps = Sweeps(None, lambda run, metric: curves[run])  # type: ignore[arg-type]  # it starts no jobs here
    trials = [Job(Work(name, "e", lambda folder: None, "true", "cluster", 1), {}, status="Running") for name in curves]
    assert [one.work.name for one in sweeps._laggards(wanted(policy=policy), trials)] == stopped
    # Whoever has ended is stopped no more, and the others are held to it all the same.
    for trial in trials:
        if trial.work.name == "b":
            trial.status = "Completed"
    assert [one.work.name for one in sweeps._laggards(wanted(policy=policy), trials)] == [
        name for name in stopped if name != "b"
    ]
