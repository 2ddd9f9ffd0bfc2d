"""Turns pydantic's findings into sentences about the keys a person wrote."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from fledge.errors import SpecError, did_you_mean


def spec_error(error: ValidationError, model: type[BaseModel], *, where: str, prefix: str = "") -> SpecError:
    """One SpecError that names every wrong key with its full dotted path; `where` says what was being read."""
    lines = [_line(finding, model, prefix) for finding in error.errors(include_url=False)]
    # A union of types reports once a member; the person made one mistake.
    unique = list(dict.fromkeys(lines))
    return SpecError(f"{where}: " + "; ".join(unique), hint="`fledge spec init` writes a spec with every key explained")


def _line(finding: Any, model: type[BaseModel], prefix: str) -> str:
    # Pydantic puts the member of a union that it tried into the path, in brackets; no person wrote that.
    path = [part for part in finding["loc"] if "[" not in str(part)]
    key = ".".join([*([prefix] if prefix else []), *map(str, path)])
    if finding["type"] == "extra_forbidden":
        return f"unknown key {key}{did_you_mean(str(path[-1]), _keys(model, path[:-1]))}"
    if finding["type"] == "missing":
        return f"{key} is missing"
    message = str(finding["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    message = message.removeprefix("input ")
    if finding["type"] == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key} = {finding['input']!r}: {message}"


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
