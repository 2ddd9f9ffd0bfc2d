"""A spec with other values of some of its keys, as a trial of a sweep has it."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from fledge.spec.load import load
from fledge.spec.run_spec import RunSpec

# An option of a script's own: script.args.lr is what it is given as --lr=VALUE.
ARGUMENT = "script.args."


def spec_with(base: Mapping[str, Any], values: Mapping[str, str | int | float | bool]) -> RunSpec:
    """A settled spec with other values of some keys. Raises SpecError for one that it cannot have."""
    words: list[tuple[str, Any]] = list(deepcopy(dict(base)).items())
    words += [(key, value) for key, value in values.items() if not key.startswith(ARGUMENT)]
    options = [f"--{key[len(ARGUMENT) :]}={value}" for key, value in values.items() if key.startswith(ARGUMENT)]
    if options:
        words.append(("script.args", [*base["script"].get("args", []), *options]))
    return load(None, words, by="run spec")
