"""Why two runs differ: by what they were made of, and from where on it shows."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fledge.comparing.divergence import Divergence, first_divergence
from fledge.comparing.facts import Facts
from fledge.runs.source import FOLDER

_LARGEST_TEXT = 200_000
Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Explanation:
    """causes are by section (spec, code, data, environment) and key: the two runs' values where they are not equal."""

    runs: tuple[str, str]
    causes: Mapping[str, Mapping[str, Pair]]
    patch: str
    first: Divergence | None
    weights: Pair

    @property
    def equal(self) -> bool:
        """Whether they came to the same: the same weights, or for want of any the same metrics."""
        one, other = self.weights
        return one == other if one and other else self.first is None

    def verdict(self) -> str:
        named = [section for section, differing in self.causes.items() if differing]
        if self.equal and named:
            return f"they came to the same, though they differ in {' and '.join(named)}"
        if self.equal:
            return "they are the same"
        if named:
            return f"they differ in {' and '.join(named)}"
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
    return Explanation(
        (one.run, other.run),
        causes,
        "".join(patches),
        first_divergence(one.folder, other.folder),
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
