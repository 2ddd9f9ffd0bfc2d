"""What the service is told of a search."""

import math
import re
from pathlib import Path

import pytest
from dry_running import TOLD
from fledge import Choices, Domain, Job, Policy, Range, Search, UsageError
from fledge_azureml.backend import AzureML
from fledge_azureml.options import AzureMLOptions
from fledge_azureml.request import EarlyEnd, Parameter
from fledge_azureml.searching import searched
from fledge_azureml.trials import number_of, values_of
from hypothesis import assume, example, given
from hypothesis import strategies as st

LR: dict[str, Domain] = {"training.lr": Range(0.0005, 0.005)}


def search(space: dict[str, Domain], **told: object) -> Search:
    plain = {"sampler": "random", "policy": None, "metric": "best_val_accuracy", "maximize": True}
    return Search(space, **{**plain, "trials": 8, "parallel": 4, "seed": 7, **told})  # type: ignore[arg-type]  # told by name


def words(space: dict[str, Domain]) -> list[str]:
    return ["python", *(f"{key}={{{{{key}}}}}" for key in space)]


def only(domain: Domain, key: str = "training.x") -> Parameter:
    (found,) = searched(search({key: domain}), words({key: domain})).parameters
    return found


def test_the_tutorials_sweep_is_told_as_it_was_there() -> None:
    space: dict[str, Domain] = {**LR, "training.momentum": Range(0.9, 0.99)}
    told = searched(search(space, policy=Policy(0.15, 1, 10)), words(space))
    assert told.early_end == EarlyEnd(slack_factor=0.15, evaluation_interval=1, delay_evaluation=10)
    assert [(one.name, one.kind, one.low, one.high) for one in told.parameters] == [
        ("training_lr", "uniform", 0.0005, 0.005),
        ("training_momentum", "uniform", 0.9, 0.99),
    ]
    assert (told.sampling, told.seed, told.metric, told.goal) == ("random", 7, "best_val_accuracy", "maximize")
    assert (told.trials, told.parallel) == (8, 4)


def test_a_logarithmic_range_is_told_by_its_exponents() -> None:
    found = only(Range(1e-4, 1e-1, log=True))
    assert found.kind == "loguniform"
    assert (found.low, found.high) == (math.log(1e-4), math.log(1e-1))


def test_whole_numbers_are_named_where_they_are_few() -> None:
    assert only(Range(1, 4, whole=True)).values == (1, 2, 3, 4)
    many = only(Range(1, 1000, whole=True))
    assert (many.kind, many.whole, many.low, many.high) == ("quniform", True, 0.5, 1000.5)
    logarithmic = only(Range(1, 8, log=True, whole=True))
    assert (logarithmic.kind, logarithmic.whole) == ("qloguniform", True)
    assert (logarithmic.low, logarithmic.high) == (math.log(0.5), math.log(8.5))


def test_choices_keep_their_kind_but_for_true_and_false() -> None:
    assert only(Choices(("sgd", "adamw"))).values == ("sgd", "adamw")
    assert only(Choices((True, False))).values == ("true", "false")
    assert (only(Choices((8, 16))).whole, only(Choices((0.5, 1))).whole, only(Choices((True, 1))).whole) == (
        True,
        False,
        False,
    )


def test_no_two_parameters_have_one_name() -> None:
    keys = ("script.args.a-b", "script.args.a_b", "script.args.a.b")
    space: dict[str, Domain] = {key: Range(0, 1) for key in keys}
    names = [one.name for one in searched(search(space), words(space)).parameters]
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"\w+", name, re.ASCII) for name in names)


def test_a_metric_is_named_as_mlflow_is_told_it() -> None:
    assert searched(search(LR, metric="val:acc", maximize=False), words(LR)).metric == "val_acc"
    assert searched(search(LR, maximize=False), words(LR)).goal == "minimize"


def test_a_seed_of_any_size_fits() -> None:
    seed = searched(search(LR, seed=2**62 + 3), words(LR)).seed
    assert seed is not None
    assert 0 <= seed < 2**31
    choices: dict[str, Domain] = {"x": Choices((1, 2))}
    assert searched(search(choices, sampler="grid", trials=2), words(choices)).seed is None


@pytest.mark.parametrize(("sdk", "seed"), [("v2", 7), ("auto", 7), ("v1", None)])
def test_a_plan_has_the_seed_that_the_service_is_told(sdk: str, seed: int | None) -> None:
    backend = AzureML(AzureMLOptions.model_validate({**TOLD, "sdk": sdk}), Path("/nowhere"))
    assert backend.plan_sweep(Job("test", tuple(words(LR))), search(LR)).body["search"]["seed"] == seed


IMPOSSIBLE: list[tuple[dict[str, Domain], dict[str, object], list[str] | None, str]] = [
    (LR, {}, ["python", "train.py", "--lr=0.1"], "the command never uses it"),
    (LR, {"trials": 0}, None, "has 1 to 1000 trials, and this is to have 0"),
    (LR, {"trials": 1001}, None, "this is to have 1001"),
    (LR, {"trials": 500, "parallel": 101}, None, "runs 100 trials of a sweep at once"),
    (LR, {"sampler": "grid"}, None, "a grid of Azure Machine Learning is of choices alone"),
    ({"x": Choices((1, 2))}, {"sampler": "grid", "trials": 3}, None, "the grid has 2 points"),
    ({"x": Choices(("it's", "b"))}, {}, None, "would not come out of that as it went in"),
    ({"x": Choices(("a", "$HOME"))}, {}, None, "would not come out of that as it went in"),
    ({"x": Choices(("a", "b\n"))}, {}, None, "would not come out of that as it went in"),
]


@pytest.mark.parametrize(("space", "told", "argv", "sentence"), IMPOSSIBLE, ids=[one[-1] for one in IMPOSSIBLE])
def test_what_the_service_cannot_search_is_refused(
    space: dict[str, Domain], told: dict[str, object], argv: list[str] | None, sentence: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(sentence)):
        searched(search(space, **told), argv or words(space))


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
@example(1.0, 1.0000000001)
def test_what_a_logarithmic_range_draws_is_of_it(one: float, other: float) -> None:
    low, high = sorted((one, other))
    # Those that rounding alone keeps apart nobody can tell apart again.
    assume(not math.isclose(low, high, rel_tol=1e-12))
    domain = Range(low, high, log=True)
    told = only(domain)
    assert told.low is not None
    assert told.high is not None
    # Its ends come back by a hair beside themselves.
    for exponent, end in ((told.low, low), (told.high, high)):
        assert domain.meant(repr(math.exp(exponent))) == end


def test_a_trial_tells_its_values_and_half_a_file_none() -> None:
    assert values_of(b'{"values": {"training.lr": "0.003"}}') == {"training.lr": "0.003"}
    for content in (b"", b'{"values": {"tr', b"[]", b'{"values": 3}'):
        assert values_of(content) is None
    assert [number_of(name) for name in ("fledge-sweep-x_12", "HD_1_3", "what")] == [12, 3, 0]
