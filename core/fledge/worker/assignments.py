"""Assignments: what a trial of a sweep has otherwise than its spec says, told as the worker is started."""

from collections.abc import Sequence
from pathlib import Path

import tomli_w

from fledge.atomic import write_atomic
from fledge.spec.load import load, parse_assignment
from fledge.spec.varied import spec_with

_FILE = ".fledge-trial.toml"


def assigned(spec: Path, words: Sequence[str]) -> Path:
    """The spec with each KEY=VALUE laid over it, in a file beside; the spec itself where there are no words.

    Raises SpecError for a value that it does not take.
    """
    if not words:
        return spec
    varied = spec_with(load(spec).to_dict(), dict(map(parse_assignment, words)))
    path = spec.with_name(_FILE)
    # All ranks of a node write the same, at once.
    write_atomic(path, tomli_w.dumps(varied.to_dict()))
    return path
