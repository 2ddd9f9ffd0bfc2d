"""Settling a spec: every offer it names is looked up, every option validated, every path made absolute."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.discovery.plugin import Plugin
from fledge.errors import SpecError
from fledge.hooks import Kind
from fledge.spec.paths import absolute
from fledge.spec.place_holder import PLACE_HOLDER
from fledge.spec.run_spec import RunSpec
from fledge.spec.script import ScriptSpec
from fledge.spec.section import Choice
from fledge.spec.training import BELONGS_TO, TrainingSpec


@dataclass(frozen=True)
class Resolved:
    """The spec with all options written out; the plugins it needs here to submit, and there to work; and by their keys
    the files and folders that its data set and model are told to read."""

    spec: RunSpec
    plugins: tuple[Plugin, ...]
    travelling: tuple[Plugin, ...]
    paths: Mapping[str, Path]


def resolve(spec: RunSpec, catalog: Catalog) -> Resolved:
    """Raises UsageError for whatever names no offer, no option or no file."""
    _check_workload(spec)
    update: dict[str, Any] = {}
    plugins: set[Plugin] = set()
    travelling: set[Plugin] = set()
    paths: dict[str, Path] = {}

    def settle(kind: Kind, name: str, told: dict[str, Any], key: str) -> dict[str, Any]:
        _check_filled_in(told, key, spec)
        found = catalog.find(kind, name)
        plugins.add(found.plugin)
        # The worker needs neither: both live where the command is given.
        if kind not in ("backend", "registry"):
            travelling.add(found.plugin)
        options = catalog.options(kind, name, told, lambda option: spec.base_of(f"{key}.{option}"))
        if kind in ("dataset", "model"):
            paths.update({f"{key}.{option}": value for option, value in options if isinstance(value, Path)})
        return options.model_dump(mode="json", exclude_none=True)

    sections: list[tuple[Kind, Choice | None]] = [
        ("dataset", spec.dataset),
        ("model", spec.model),
        ("backend", spec.backend),
        ("launcher", spec.launcher),
        ("registry", spec.registry),
    ]
    for kind, section in sections:
        if section is not None:
            # The core's own, which are no options of the offer.
            kept = {key: getattr(section, key) for key in type(section).model_fields}
            update[kind] = type(section)(**kept, **settle(kind, section.name, section.options, kind))
    tables: list[tuple[Kind, str, dict[str, dict[str, Any]]]] = [
        ("tracker", "trackers", spec.trackers),
        ("extension", "extensions", spec.extensions),
    ]
    for kind, key, table in tables:
        update[key] = {name: settle(kind, name, told, f"{key}.{name}") for name, told in table.items()}
    if spec.script is not None:
        update["script"] = _resolve_script(spec)
    return Resolved(spec.model_copy(update=update), _by_name(plugins), _by_name(travelling), paths)


def _check_filled_in(told: dict[str, Any], key: str, spec: RunSpec) -> None:
    """Raises SpecError where a place-holder stands: as a path it would be looked for by a run that has begun."""
    for option, value in told.items():
        if value == PLACE_HOLDER:
            raise SpecError(
                f"{spec.file or 'run spec'}: {key}.{option} is still {PLACE_HOLDER}",
                hint=f"write its value there, or give it: --set {key}.{option}=VALUE",
            )


def _by_name(plugins: set[Plugin]) -> tuple[Plugin, ...]:
    return tuple(sorted(plugins, key=str))


def _check_workload(spec: RunSpec) -> None:
    missing = [key for key, section in (("dataset", spec.dataset), ("model", spec.model)) if section is None]
    if missing and spec.script is None:
        raise SpecError(
            f"the run spec names no {' and no '.join(missing)}",
            hint="for example: fledge run --dataset birds --model resnet18, or: fledge run --script train.py",
        )
    if spec.script is None:
        check_shared(spec.training.batch_size, spec.launcher.processes)
        _check_effect(spec.training)


def check_shared(batch_size: int, processes: int) -> None:
    """Raises SpecError where some process would never have a sample."""
    if batch_size < processes:
        raise SpecError(
            f"training.batch_size = {batch_size} images cannot be shared by launcher.processes = {processes}",
            hint="a step's batch is shared by all processes: choose a larger one, or fewer processes",
        )


def _check_effect(training: TrainingSpec) -> None:
    """Raises SpecError for a key that is set in vain. At its default it may stand, as in every spec that is settled.

    No rule of the spec itself: runs that were trained with such a key are read, resumed and exported all the same.
    """
    for key, (other, choice) in BELONGS_TO.items():
        value, chosen = getattr(training, key), getattr(training, other)
        if chosen != choice and value != TrainingSpec.model_fields[key].default:
            raise SpecError(
                f"training.{key} = {value} has no effect with training.{other} = {chosen!r}",
                hint=f"leave it out, or choose training.{other} = {choice!r}",
            )


def _resolve_script(spec: RunSpec) -> ScriptSpec:
    script = spec.script
    assert script is not None
    path = absolute(script.path, spec.base_of("script.path"))
    if script.source is not None:
        source = absolute(script.source, spec.base_of("script.source"))
        path = path if path.is_file() else absolute(script.path, source)
    else:
        source = spec.base_of("script.source").resolve()
        if not path.is_relative_to(source):
            source = path.parent
    if path.is_dir():
        raise SpecError(
            f"the script {path} is a folder", hint="name the file in it that is to be executed: --script FILE"
        )
    if not path.is_file():
        raise SpecError(f"there is no script {path}")
    if not path.is_relative_to(source):
        raise SpecError(f"the script {path} is not below its source folder {source}")
    return script.model_copy(update={"path": path.relative_to(source), "source": source})
