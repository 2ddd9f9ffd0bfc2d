"""Definition: what a sweep is, as its `sweep.json` says."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fledge.atomic import write_atomic
from fledge.errors import RunError, UnknownName, UsageError
from fledge.flat import flat
from fledge.interfaces.search import Domain
from fledge.sweeping.bandit import Bandit
from fledge.sweeping.domain import from_dict, to_dict
from fledge.sweeping.grid import grid_size

_FILE = "sweep.json"
_PLAIN = ("name", "base", "sampler", "metric", "maximize", "trials", "native")


def sweeps(home: Path) -> Path:
    return home / "sweeps"


@dataclass(frozen=True)
class Definition:
    """A sweep by its name; base is the settled spec that trials differ from by their parameters alone.

    pruner  "asha", the policy itself where it is a bandit, or None
    trials  how many there shall be: the one part that may grow
    native  whether the service behind the backend runs the sweep by itself: then none does
    """

    name: str
    base: Mapping[str, Any]
    space: Mapping[str, Domain]
    sampler: str
    pruner: str | Bandit | None
    metric: str
    maximize: bool
    trials: int
    folder: Path = field(compare=False)
    native: bool = False

    @classmethod
    def read(cls, home: Path, name: str) -> "Definition":
        """Raises UnknownName, or RunError where sweep.json is damaged."""
        folder = sweeps(home) / name
        try:
            told = json.loads((folder / _FILE).read_text())
            space = {key: from_dict(domain) for key, domain in told.pop("space").items()}
            pruner = told.pop("pruner")
            return cls(
                **told, space=space, pruner=Bandit(**pruner) if isinstance(pruner, dict) else pruner, folder=folder
            )
        except (FileNotFoundError, NotADirectoryError):
            raise UnknownName("sweep", name, names(home), hint=_what_else(home)) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"sweep {name}: {folder / _FILE} cannot be read: {error}") from None

    def write(self) -> None:
        """Into its folder. Raises RunError where that cannot be written to."""
        told = {key: getattr(self, key) for key in _PLAIN}
        told["space"] = {key: to_dict(domain) for key, domain in self.space.items()}
        told["pruner"] = asdict(self.pruner) if isinstance(self.pruner, Bandit) else self.pruner
        try:
            write_atomic(self.folder / _FILE, json.dumps(told, indent=1))
        except OSError as error:
            raise RunError(f"sweep {self.name} cannot be kept in {self.folder}: {error.strerror}") from None

    def check_same(self, other: "Definition") -> None:
        """Raises UsageError with what differs; how many trials there shall be may."""
        differing = [f"{key}: {one} there, {two} here" for key, one, two in _differences(other, self)]
        if differing:
            raise UsageError(
                f"there is a sweep named {self.name!r}, and it is another: {'; '.join(differing)}",
                hint=f"choose another name; or go on with that one: fledge sweep --resume {self.name}",
            )

    def grown_to(self, trials: int | None) -> "Definition":
        """The same with another number of trials, but of no more than a grid has points; None: as many as before.

        Raises UsageError for a native sweep.
        """
        if trials is None or (self.native and trials == self.trials):
            return self
        if self.native:
            raise UsageError(
                f"sweep {self.name} was sent with {self.trials} trials, and the service takes no more",
                hint="leave out --trials; or start another sweep",
            )
        most = grid_size(self.space) if self.sampler == "grid" else trials
        return replace(self, trials=min(trials, most))

    @property
    def aim(self) -> str:
        return f"{'maximize' if self.maximize else 'minimize'} {self.metric}"


def names(home: Path) -> list[str]:
    return sorted(path.parent.name for path in sweeps(home).glob(f"*/{_FILE}"))


def _differences(there: Definition, here: Definition) -> list[tuple[str, object, object]]:
    one, two = _words(there), _words(here)
    return [
        (key, one.get(key, "nothing"), two.get(key, "nothing"))
        for key in dict.fromkeys([*one, *two])
        if one.get(key) != two.get(key)
    ]


def _words(definition: Definition) -> dict[str, str]:
    """What a person told, by the words for it."""
    told = {"native": str(definition.native)} if definition.native else {}
    told |= {"sampler": definition.sampler, "pruner": str(definition.pruner), "aim": definition.aim}
    told |= {f"--param {key}": str(domain) for key, domain in definition.space.items()}
    return told | {key: str(value) for key, value in flat(definition.base).items()}


def _what_else(home: Path) -> str:
    there = ", ".join(names(home)) or "none yet"
    return f"looked in {sweeps(home)}; there is: {there}"
