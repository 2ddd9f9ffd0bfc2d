"""The JSON schema of a run spec, for editors: the core's keys and every installed offer's options."""

from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.hooks import Kind, Offer
from fledge.spec.run_spec import RunSpec

_SECTIONS: tuple[Kind, ...] = ("dataset", "model", "backend", "launcher", "registry")
# Their sections name an offer even where a person writes none.
_HAVE_DEFAULTS = ("backend", "launcher", "registry")
_TABLES: dict[Kind, str] = {"tracker": "trackers", "extension": "extensions"}


def spec_schema(catalog: Catalog) -> dict[str, Any]:
    """JSON Schema, draft 2020-12. A section that names an offer admits exactly that offer's options."""
    schema = RunSpec.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    for kind in _SECTIONS:
        described = schema["properties"][kind]
        variants = [_variant(catalog, kind, found.offer, definitions) for found in catalog.offers(kind)]
        own = {key: described[key] for key in ("description",) if key in described}
        schema["properties"][kind] = {**own, "anyOf": variants} if variants else described
    for kind, key in _TABLES.items():
        options = {
            found.offer.name: _options(catalog, kind, found.offer, definitions) for found in catalog.offers(kind)
        }
        schema["properties"][key] |= {"properties": options, "additionalProperties": False}
    return schema


def _variant(catalog: Catalog, kind: Kind, offer: Offer, definitions: dict[str, Any]) -> dict[str, Any]:
    options = _options(catalog, kind, offer, definitions)
    core = definitions["LauncherSpec"]["properties"] if kind == "launcher" else {}
    properties = {**core, **options.get("properties", {}), "name": {"const": offer.name}}
    required = [*(() if kind in _HAVE_DEFAULTS else ("name",)), *options.get("required", [])]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _options(catalog: Catalog, kind: Kind, offer: Offer, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = catalog.options_class(offer).model_json_schema(ref_template=f"#/$defs/{kind}-{offer.name}-{{model}}")
    for inner, definition in schema.pop("$defs", {}).items():
        definitions[f"{kind}-{offer.name}-{inner}"] = definition
    return schema
