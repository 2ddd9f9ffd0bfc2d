"""From a search to what the service is told of it. Pure."""

import math
import re
from collections.abc import Iterable

from fledge import Choices, Domain, Range, Search, UsageError, placeholder, written

from fledge_azureml.job_mlflow import JobMlflow
from fledge_azureml.request import EarlyEnd, Parameter, SearchRequest

_MOST_TRIALS, _MOST_AT_ONCE = 1000, 100
# A distribution of whole numbers rounds at its ends; of few the service is told each one.
_FEW = 256
# A value is put between quotation marks into a line of a shell's.
_UNFIT = re.compile(r"['\"`$\\\x00-\x1f\x7f]")
# The service takes a number of 32 bits.
_SEEDS = 2**31


def searched(search: Search, argv: Iterable[str], *, seeded: bool = True) -> SearchRequest:
    """argv: what each rank executes; seeded: whether the service can be told a seed. Raises UsageError for what the
    service cannot search, and for a key whose value no word of argv would have."""
    words = list(argv)
    for key in search.space:
        if not any(placeholder(key) in word for word in words):
            raise UsageError(
                f"--param {key}: the command never uses it, so that all its trials would be the same",
                hint=f"write {placeholder(key)} where its value belongs",
            )
    if not 1 <= search.trials <= _MOST_TRIALS:
        raise UsageError(
            f"a sweep of Azure Machine Learning has 1 to {_MOST_TRIALS} trials, and this is to have {search.trials}",
            hint=f"--trials {min(max(search.trials, 1), _MOST_TRIALS)}",
        )
    parallel = min(search.parallel, search.trials)
    if parallel > _MOST_AT_ONCE:
        raise UsageError(
            f"Azure Machine Learning runs {_MOST_AT_ONCE} trials of a sweep at once, at most, and not {parallel}",
            hint=f"--parallel {_MOST_AT_ONCE}",
        )
    names = _names(search.space)
    parameters = tuple(_parameter(names[key], key, domain) for key, domain in search.space.items())
    if search.sampler == "grid":
        _check_grid(parameters, search.trials)
    policy = search.policy
    return SearchRequest(
        parameters=parameters,
        sampling=search.sampler,
        seed=search.seed % _SEEDS if seeded and search.sampler == "random" else None,
        early_end=policy
        and EarlyEnd(slack_factor=policy.slack, evaluation_interval=policy.interval, delay_evaluation=policy.delay),
        metric=JobMlflow.allowed(search.metric),
        goal="maximize" if search.maximize else "minimize",
        trials=search.trials,
        parallel=parallel,
    )


def _names(keys: Iterable[str]) -> dict[str, str]:
    """What each key is called there, where names have letters, digits and "_" alone; no two the same."""
    names: dict[str, str] = {}
    for key in keys:
        name = plain = re.sub(r"\W", "_", key, flags=re.ASCII)
        number = 1
        while name in names.values():
            number += 1
            name = f"{plain}_{number}"
        names[key] = name
    return names


def _parameter(name: str, key: str, domain: Domain) -> Parameter:
    if isinstance(domain, Choices):
        return _choice(name, key, domain)
    if not domain.whole:
        kind, low, high = ("loguniform", math.log(domain.low), math.log(domain.high)) if domain.log else (
            "uniform", float(domain.low), float(domain.high)
        )  # fmt: skip
        return Parameter(name=name, key=key, kind=kind, low=low, high=high)
    return _whole(name, key, domain)


def _whole(name: str, key: str, domain: Range) -> Parameter:
    low, high = int(domain.low), int(domain.high)
    if not domain.log and high - low < _FEW:
        return Parameter(name=name, key=key, kind="choice", whole=True, values=tuple(range(low, high + 1)))
    # What is drawn is rounded: without the halves its ends would be drawn half as often as the others.
    ends = low - 0.5, high + 0.5
    if domain.log:
        return Parameter(
            name=name, key=key, kind="qloguniform", whole=True, low=math.log(ends[0]), high=math.log(ends[1])
        )
    return Parameter(name=name, key=key, kind="quniform", whole=True, low=ends[0], high=ends[1])


def _choice(name: str, key: str, domain: Choices) -> Parameter:
    for value in domain.values:
        if isinstance(value, str) and _UNFIT.search(value):
            raise UsageError(
                f"--param {key}: the service puts a value into a line of a shell's, and {value!r} would not come out "
                "of that as it went in",
                hint="leave out --native, or name the choice otherwise",
            )
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in domain.values)
    values = tuple(written(value) if isinstance(value, bool) else value for value in domain.values)
    return Parameter(name=name, key=key, kind="choice", whole=whole, values=values)


def _check_grid(parameters: Iterable[Parameter], trials: int) -> None:
    points = 1
    for one in parameters:
        if one.kind != "choice":
            raise UsageError(f"--param {one.key}: a grid of Azure Machine Learning is of choices alone")
        points *= len(one.values)
    if trials > points:
        raise UsageError(
            f"the grid has {points} points, and there are to be {trials} trials", hint=f"--trials {points}"
        )
