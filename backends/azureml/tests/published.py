"""Published: Microsoft's own JSON schemas of the control plane, as far as they can hold a request's body to account.

They describe templates, from which what is sent differs in five ways. Each is allowed for here, and nothing else is:
1. A base is closed, and has to fit beside each of its kinds, which nothing can: each kind gets the base's properties.
2. Values of enumerations differ in case.
3. The SDK sends whole numbers as floats, and a code's `hash_version` as a number.
4. What is null might as well be absent.
5. A number that is no whole one, a bandit's slack, is called an integer.
"""

import json
import math
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator, validators
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

_FILE = "Microsoft.MachineLearningServices.json"
_SLACK = "slackFactor"
_COMMON = "https://schema.management.azure.com/schemas/common/definitions.json"


class Published:
    """folder has a folder for each version of the API."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        common = json.loads((folder / "common" / "definitions.json").read_text())
        self._registry = Registry().with_resource(_COMMON, DRAFT4.create_resource(common))
        self._schemas: dict[str, dict[str, Any]] = {}

    def faults(self, path: str, version: str, body: dict[str, Any]) -> list[str]:
        """What is wrong with the body of a PUT; raises KeyError where nothing is published of it."""
        kind, name = _resource(path)
        schema = self._schema(version)
        definition = schema["resourceDefinitions"]["workspaces_" + kind.replace("/", "_")]
        whole = {
            **_without_nulls(body),
            "name": name,
            "type": f"Microsoft.MachineLearningServices/workspaces/{kind}",
            "apiVersion": version,
        }
        if kind == "codes/versions":
            told = whole["properties"].get("properties", {})
            told |= {name: str(told[name]) for name in ("hash_version",) if isinstance(told.get(name), int)}
        if isinstance(policy := whole["properties"].get("earlyTermination"), dict):
            policy |= {name: math.ceil(told) for name, told in policy.items() if name == _SLACK and _is_number(told)}
        validator = self._validator(schema, definition)
        found = validator.iter_errors(whole)
        return [f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:300]}" for fault in found]

    def _schema(self, version: str) -> dict[str, Any]:
        if version not in self._schemas:
            schema = json.loads((self._folder / version / _FILE).read_text())
            found = schema["definitions"]
            schema["definitions"] = {name: _flat(one, found) for name, one in found.items()}
            self._schemas[version] = schema
        return self._schemas[version]

    def _validator(self, schema: dict[str, Any], definition: dict[str, Any]) -> Validator:
        document = {**definition, "definitions": schema["definitions"]}
        return _Lenient(document, registry=self._registry)


def _resource(path: str) -> tuple[str, str]:
    """The kind of a resource ("codes/versions"), and its own name ("1")."""
    parts = path.partition("/workspaces/")[2].split("/")[1:]
    return "/".join(parts[::2]), parts[-1]


def _flat(definition: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The first allowance."""
    match definition:
        case {"allOf": [{"additionalProperties": False} as base, {"oneOf": kinds}]}:
            return {"oneOf": [_kind(base, kind, definitions) for kind in kinds]}
    return definition


def _kind(base: dict[str, Any], kind: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    reference, told = kind["allOf"]
    own = definitions[reference["$ref"].rpartition("/")[2]]
    (discriminator, constant) = next(iter(told["properties"].items()))
    properties = {**base["properties"], **own["properties"], discriminator: {"enum": [constant["const"]]}}
    required = sorted({*base["required"], *own.get("required", ())})
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _without_nulls(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_nulls(one) for name, one in value.items() if one is not None}
        case list():
            return [_without_nulls(one) for one in value]
    return value


def _enum(validator: Any, allowed: list[Any], value: Any, schema: Any) -> Any:
    lower = [one.lower() if isinstance(one, str) else one for one in allowed]
    if (value.lower() if isinstance(value, str) else value) not in lower:
        yield from Draft4Validator.VALIDATORS["enum"](validator, allowed, value, schema)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(checker: Any, value: Any) -> bool:
    return _is_number(value) and float(value).is_integer()


_Lenient = validators.extend(
    Draft4Validator,
    validators={"enum": _enum},
    type_checker=Draft4Validator.TYPE_CHECKER.redefine("integer", _is_whole),
)
