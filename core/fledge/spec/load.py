"""Reads a run spec: a TOML file, with the command line's words laid over it."""

import shlex
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fledge.errors import SpecError
from fledge.spec.explain import spec_error
from fledge.spec.run_spec import LauncherSpec, RunSpec

Override = tuple[str, Any]

_CHOICES = ("dataset", "model", "backend", "launcher", "registry")


def load(path: Path | None, overrides: Iterable[Override] = (), *, by: str = "command line") -> RunSpec:
    """The spec in the file (or an empty one) with each `("a.b", value)` laid over it in order.

    Raises SpecError, naming the key and the file, or `by` where what is wrong was laid over it, for anything that is
    not a valid spec.
    """
    told = _read(path) if path else {}
    home = path.resolve().parent if path else Path.cwd()
    bases = dict.fromkeys(_leaves(told), home)
    notes: list[str] = []
    laid_over = list(overrides)
    for key, value in laid_over:
        notes += _lay_over(told, key, value)
        bases[key] = Path.cwd()
    spec = parse(told, where=str(path) if path else "run spec", elsewhere={key: by for key, _ in laid_over})
    spec._bases.update({"script.source": home, "script.path": home, **bases})
    spec._notes.extend(notes)
    spec._file, spec._overrides = str(path.resolve()) if path else None, dict(laid_over)
    return spec


def parse(told: dict[str, Any], *, where: str, elsewhere: Mapping[str, str] | None = None) -> RunSpec:
    """A spec from plain values. `elsewhere`: of keys that did not come from `where`, where they did."""
    try:
        return RunSpec.model_validate(told)
    except ValidationError as error:
        raise spec_error(error, RunSpec, where=where, elsewhere=elsewhere) from None


def parse_assignment(text: str) -> Override:
    """`"a.b=c"` as a key and a value; the value is read as TOML where it is TOML, and as a string otherwise."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not all(part.strip() for part in key.split(".")):
        raise SpecError(f"--set {text}: not of the form KEY=VALUE", hint="for example: --set training.epochs=5")
    try:
        read = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return key, value
    # A folder may be called 2026-11-23; no key of a spec is a date. Nor does a line break begin another key.
    return key, value if len(read) > 1 or isinstance(read["value"], date | time) else read["value"]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(
            f"there is no spec file {path}",
            hint="`fledge spec init` writes one; without a file, use --dataset and --model",
        ) from None
    except IsADirectoryError:
        raise SpecError(f"{path} is a folder, not a spec file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        script = f"a script is executed by: fledge run --script {shlex.quote(str(path))}"
        raise SpecError(f"{path} is not TOML: {error}", hint=script if path.suffix == ".py" else None) from None


def _lay_over(told: dict[str, Any], key: str, value: Any) -> list[str]:
    if key in _CHOICES and isinstance(value, str):
        # "--set dataset=birds" can mean one thing only.
        key = f"{key}.name"
    *sections, last = key.split(".")
    table = told
    for depth, part in enumerate(sections):
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise SpecError(f"--set {key}: {'.'.join(sections[: depth + 1])} is a value, not a section")
        table = inner
    notes = []
    if last == "name" and sections[:1] == sections and sections[0] in _CHOICES and table.get("name", value) != value:
        # Options belong to the offer they were written for; another one would refuse or misread them.
        dropped = [f"{sections[0]}.{option}" for option in table if option not in LauncherSpec.model_fields]
        for option in dropped:
            del table[option.partition(".")[2]]
        if dropped:
            notes.append(f"{table['name']!r} was replaced by {value!r}: left out its {', '.join(dropped)}")
    if isinstance(value, dict) and isinstance(table.get(last), dict):
        table[last].update(value)
    else:
        table[last] = value
    return notes


def _leaves(table: dict[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for key, value in table.items():
        keys += _leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
    return keys
