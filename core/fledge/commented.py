"""A run spec for people to edit: every key there is, with what it means, from the definitions themselves."""

import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import tomli_w
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fledge.discovery.catalog import Catalog
from fledge.spec.place_holder import PLACE_HOLDER
from fledge.spec.run_spec import LauncherSpec
from fledge.spec.training import TrainingSpec

_TAIL = [
    "## Further sections: [trackers.NAME] and [extensions.NAME], a table of options for each that takes part;",
    '## and, instead of dataset, model and training, [script] with path = "train.py" and args = [...].',
    "",
]
_SHOWN = ("mode", "epochs", "batch_size")


def commented_spec(catalog: Catalog, dataset: str, model: str) -> str:
    """TOML. Keys at their default stand behind `#`; those a person must fill in stand free with a place-holder."""
    lines = [
        "# A run of fledge: `fledge run FILE`. A key behind # shows its default, or ... where it has none.",
        "",
        'experiment = "birds"   # the heading under which runs are grouped',
        "# seed = 0   # from which all randomness follows",
        "# register = ...   # the name in the registry under which the trained model is kept",
        "",
        "[dataset]",
        *_choice(catalog, "dataset", dataset),
        "",
        "[model]",
        *_choice(catalog, "model", model),
        "",
        "[training]",
        *_keys(TrainingSpec, shown=_SHOWN),
        "",
        "[backend]",
        *_choice(catalog, "backend", "local"),
        "",
        "[launcher]",
        *_choice(catalog, "launcher", "single"),
        *_keys(LauncherSpec, leave_out=("name",)),
        "",
    ]
    return "\n".join(lines + _TAIL)


def _choice(catalog: Catalog, kind: Any, name: str) -> Iterator[str]:
    yield f"name = {json.dumps(name)}"
    yield from _keys(catalog.options_class(catalog.find(kind, name).offer))


def _keys(model: type[BaseModel], shown: tuple[str, ...] = (), leave_out: tuple[str, ...] = ()) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name in leave_out:
            continue
        free = field.is_required() or name in shown
        comment = f"   # {field.description}" if field.description else ""
        yield f"{'' if free else '# '}{_assignment(name, field)}{comment}"


def _assignment(name: str, field: FieldInfo) -> str:
    value = PLACE_HOLDER if field.is_required() else field.get_default(call_default_factory=True)
    if value is None:
        return f"{name} = ..."
    value = str(value) if isinstance(value, PurePath) else value
    return tomli_w.dumps({name: value}).strip()
