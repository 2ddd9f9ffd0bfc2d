"""The JSON schema of a run spec, for editors: the core's keys and every installed offer's options."""

from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.hooks import Kind
from fledge.spec.run_spec import RunSpec

_SECTIONS: tuple[Kind, ...] = ("dataset", "model", "backend", "launcher")
_TABLES: dict[Kind, str] = {"tracker": "trackers", "extension": "extensions"}


def spec_schema(catalog: Catalog) -> dict[str, Any]:
    """JSON Schema, draft 2020-12. A section that names an offer admits exactly that offer's options."""
    schema = RunSpec.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    for kind in _SECTIONS:
        described = schema["properties"][kind]
        variants = [_variant(catalog, kind, found.offer.name, definitions) for found in catalog.offers(kind)]
        own = {key: described[key] for key in ("description",) if key in described}
        schema["properties"][kind] = {**own, "anyOf": variants} if variants else described
    for kind, key in _TABLES.items():
        options = {
            found.offer.name: _options(catalog, kind, found.offer.name, definitions) for found in catalog.offers(kind)
        }
        schema["properties"][key] |= {"properties": options, "additionalProperties": False}
    return schema


def _variant(catalog: Catalog, kind: Kind, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    options = _options(catalog, kind, name, definitions)
    core = definitions["LauncherSpec"]["properties"] if kind == "launcher" else {}
    properties = {**core, **options.get("properties", {}), "name": {"const": name}}
    required = ["name", *options.get("required", [])]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _options(catalog: Catalog, kind: Kind, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = catalog.options_class(catalog.find(kind, name).offer).model_json_schema(
        ref_template=f"#/$defs/{kind}-{name}-{{model}}"
    )
    for inner, definition in schema.pop("$defs", {}).items():
        definitions[f"{kind}-{name}-{inner}"] = definition
    return schema
