"""Turns pydantic's findings into sentences about the keys a person wrote."""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from fledge.errors import SpecError, did_you_mean
from fledge.spec.names import NAME_PATTERN, NAME_WORDS

# Pydantic's kinds of what TOML and JSON have one word for.
_LISTS = frozenset({"tuple_type", "list_type", "set_type", "frozen_set_type"})


def spec_error(
    error: ValidationError,
    model: type[BaseModel],
    *,
    where: str,
    prefix: str = "",
    elsewhere: Mapping[str, str] | None = None,
    hint: str = "`fledge spec init` writes a spec with every key explained",
) -> SpecError:
    """One SpecError that names every wrong key with its full dotted path.

    `where` says what was being read, and `elsewhere` of keys that were written at another place, and of all below them,
    at which. `hint`: where the keys are explained.
    """
    told: dict[str, list[str]] = {}
    for finding in error.errors(include_url=False):
        path = _path(finding)
        key = ".".join([*([prefix] if prefix else []), *map(str, path)])
        lines = told.setdefault(_place(key, elsewhere or {}, where), [])
        line = _line(finding, key, path, model)
        # A union of types reports once a member; the person made one mistake.
        if line not in lines:
            lines.append(line)
    return SpecError(
        "; ".join(f"{place}: {'; '.join(lines)}" for place, lines in told.items()),
        hint=hint,
    )


def _path(finding: Any) -> list[Any]:
    # Pydantic puts the member of a union that it tried into the path, in brackets; no person wrote that.
    return [part for part in finding["loc"] if "[" not in str(part)]


def _place(key: str, elsewhere: Mapping[str, str], where: str) -> str:
    return next((place for told, place in elsewhere.items() if f"{key}.".startswith(f"{told}.")), where)


def _line(finding: Any, key: str, path: list[Any], model: type[BaseModel]) -> str:
    if finding["type"] == "extra_forbidden":
        return f"unknown key {key}{did_you_mean(str(path[-1]), _keys(model, path[:-1]))}"
    if finding["type"] == "missing":
        return f"{key} is missing"
    if finding["type"] == "string_pattern_mismatch" and finding["ctx"]["pattern"] == NAME_PATTERN.pattern:
        return f"{key} = {finding['input']!r}: a name has {NAME_WORDS}"
    if finding["type"] in _LISTS:
        return f"{key} = {finding['input']!r}: should be a list: --set {_as_list(key, finding['input'])}"
    message = str(finding["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    message = message.removeprefix("input ")
    if finding["type"] == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key} = {finding['input']!r}: {message}"


def _as_list(key: str, told: Any) -> str:
    """A list that holds what was told, as a shell takes it."""
    inside = json.dumps(told, ensure_ascii=False) if isinstance(told, str | int | float) else "..."
    return shlex.quote(f"{key}=[{inside}]")


def _keys(model: type[BaseModel], path: Iterable[Any]) -> list[str]:
    """The keys there are in the section at `path`."""
    for part in path:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        candidates = [inner, *getattr(inner, "__args__", ())]
        found = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if found is None:
            return []
        model = found
    return [field.alias or name for name, field in model.model_fields.items()]
