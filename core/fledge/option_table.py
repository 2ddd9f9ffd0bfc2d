"""The options of an offer for people: what each is called, takes and means."""

import json
import types
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from fledge.interfaces.options import Options


def option_table(options: type[Options]) -> list[dict[str, Any]]:
    """An object an option: name, type in words, required, default (JSON), help."""
    told = []
    for name, field in options.model_fields.items():
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        row = {"name": field.alias or name, "type": type_name(field.annotation), "required": field.is_required()}
        told.append({**row, "default": _plain(default), "help": field.description or ""})
    return told


def type_name(annotation: Any) -> str:
    """`int`, `path or none`, `"stop" or "skip"`: a type as its reader would write it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return type_name(get_args(annotation)[0])
    if origin is Literal:
        return " or ".join(json.dumps(value) for value in get_args(annotation))
    if origin in (Union, types.UnionType):
        return " or ".join(type_name(one) for one in get_args(annotation))
    if origin is not None:
        inner = ", ".join(type_name(one) for one in get_args(annotation) if one is not Ellipsis)
        return f"{type_name(origin)} of {inner}"
    if annotation is type(None):
        return "none"
    if isinstance(annotation, type) and issubclass(annotation, PurePath):
        return "path"
    return str(getattr(annotation, "__name__", annotation))


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
