"""Why two runs differ: by what they were made of, and from where on it shows."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fledge.comparing.divergence import Divergence, Place, first_divergence, last_place, read_points
from fledge.comparing.facts import Facts
from fledge.runs.source import FOLDER

_LARGEST_TEXT = 200_000
Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Explanation:
    """causes are by section (spec, code, data, environment) and key: the two runs' values where they are not equal.
    ends are their last places with a metric, None where a run has none."""

    runs: tuple[str, str]
    causes: Mapping[str, Mapping[str, Pair]]
    patch: str
    first: Divergence | None
    states: tuple[str, str]
    errors: tuple[str | None, str | None]
    ends: tuple[Place | None, Place | None]
    weights: Pair

    @property
    def equal(self) -> bool:
        """Whether they came to the same: ended alike, with the same weights, or for want of any the same metrics."""
        one, other = self.weights
        if not self._ended_alike or one != other:
            return False
        return bool(one) or (self.first is None and self.ends[0] == self.ends[1])

    @property
    def _ended_alike(self) -> bool:
        return self.states[0] == self.states[1] and self.errors[0] == self.errors[1]

    def verdict(self) -> str:
        named = [section for section, differing in self.causes.items() if differing]
        if self.equal and named:
            return f"they came to the same, though they differ in {' and '.join(named)}"
        if self.equal:
            return "they are the same"
        told = [f"they differ in {' and '.join(named)}"] if named else []
        if not self._ended_alike:
            how = "one is {}, the other {}".format(*self.states)
            told.append(how if self.states[0] != self.states[1] else f"both are {self.states[0]}, not for the same")
        if told:
            return "; ".join(told)
        return (
            "nothing that is kept tells them apart: what was computed was not the same twice. "
            "`fledge verify` finds the first tensor that is not"
        )


def explain(one: Facts, other: Facts) -> Explanation:
    """Compares what two runs were made of, and finds the first step of which they tell otherwise."""
    causes = {
        section: _differing(getattr(one, section), getattr(other, section))
        for section in ("spec", "code", "data", "environment")
    }
    patches = [_patch(name, one.folder / FOLDER, other.folder / FOLDER) for name in causes["code"]]
    points = read_points(one.folder), read_points(other.folder)
    return Explanation(
        (one.run, other.run),
        causes,
        "".join(patches),
        first_divergence(*points),
        (one.result["state"], other.result["state"]),
        (one.error, other.error),
        (last_place(points[0]), last_place(points[1])),
        (one.result["weights_sha256"], other.result["weights_sha256"]),
    )


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Pair]:
    pairs = {key: (one.get(key), other.get(key)) for key in {**one, **other}}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _patch(name: str, one: Path, other: Path) -> str:
    texts: list[list[str]] = []
    for path in (one / name, other / name):
        try:
            text = path.read_text() if path.stat().st_size <= _LARGEST_TEXT else None
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError):
            text = None
        if text is None:
            return ""
        texts.append(text.splitlines(keepends=True))
    lines = difflib.unified_diff(texts[0], texts[1], f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
