"""The search space: what each parameter may be, held to the spec before anything is started."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.errors import SpecError, UsageError, did_you_mean
from fledge.interfaces.search import Choices, Domain, Range, Value
from fledge.plan.resolve import resolve
from fledge.spec.run_spec import RunSpec
from fledge.spec.training import BELONGS_TO, TrainingSpec
from fledge.spec.varied import ARGUMENT, spec_with

_SECTIONS = ("dataset", "model", "training")


def settled(spec: RunSpec, catalog: Catalog) -> dict[str, Any]:
    """The spec as plain values that mean the same in any folder. Raises UsageError."""
    told = resolve(spec, catalog).spec.to_dict()
    if "script" in told:
        told["script"]["path"] = str(Path(told["script"]["source"]) / told["script"]["path"])
    return told


def make_space(base: Mapping[str, Any], wanted: Iterable[tuple[str, Domain]], catalog: Catalog) -> dict[str, Domain]:
    """What each key may be, each end and choice of which the spec takes; choices are as the spec has them then.

    Raises SpecError for a key that the spec does not have, that is there twice or in vain, and for a value that it
    refuses.
    """
    space: dict[str, Domain] = {}
    for key, domain in wanted:
        key = f"{key}.name" if key in ("dataset", "model") else key
        _check_key(key, base)
        if key in space:
            raise SpecError(f"--param {key} is there twice")
        space[key] = domain
    if not space:
        raise SpecError("a sweep needs something to vary", hint="for example: --param training.lr=log:5e-4..5e-3")
    for key in space:
        _check_effect(base, key, space)
    # What is tried beside a value: a key may only make sense with another one's.
    firsts = {key: domain.ends()[0] for key, domain in space.items()}
    return {key: _held_to(base, key, domain, firsts, catalog) for key, domain in space.items()}


def _check_key(key: str, base: Mapping[str, Any]) -> None:
    if "script" in base:
        if not key.startswith(ARGUMENT):
            raise SpecError(
                f"--param {key}: of a script only its own options can be varied",
                hint="--param script.args.lr=0.1..1 has it started with --lr=VALUE",
            )
        return
    if key.startswith(ARGUMENT):
        raise SpecError(f"--param {key}: this spec executes no script")
    section, dot, _ = key.partition(".")
    if key != "seed" and not (dot and section in _SECTIONS):
        known = [f"training.{name}" for name in TrainingSpec.model_fields]
        meant = did_you_mean(section, _SECTIONS) if dot else did_you_mean(f"training.{key}", known)
        raise SpecError(
            f"--param {key}: a sweep varies seed, and keys of {', '.join(_SECTIONS)}{meant}",
            hint="to set another key for all trials: --set KEY=VALUE",
        )


def _check_effect(base: Mapping[str, Any], key: str, space: Mapping[str, Domain]) -> None:
    """Raises SpecError where some trials, or all, would be the same whatever the key's value."""
    section, _, name = key.partition(".")
    if section != "training" or name not in BELONGS_TO:
        return
    other, choice = BELONGS_TO[name]
    swept = space.get(f"training.{other}")
    for chosen in swept.ends() if swept else (base["training"][other],):
        if chosen != choice:
            raise SpecError(
                f"--param {key} has no effect on trials with training.{other} = {chosen!r}",
                hint=f"leave it out, or have all trials with --set training.{other}={choice}",
            )


def _held_to(
    base: Mapping[str, Any], key: str, domain: Domain, firsts: Mapping[str, Value], catalog: Catalog
) -> Domain:
    taken = [_taken(base, key, value, firsts, catalog) for value in domain.ends()]
    if isinstance(domain, Choices):
        return Choices(tuple(taken))
    if float(domain.low).is_integer() and float(domain.high).is_integer():
        return _of_numbers(base, key, domain, firsts, catalog)
    return domain


def _of_numbers(
    base: Mapping[str, Any], key: str, domain: Range, firsts: Mapping[str, Value], catalog: Catalog
) -> Range:
    """Of whole numbers where the spec takes no others: how they were written does not tell (weight_decay=0..1)."""
    whole = isinstance(domain.low, int) and isinstance(domain.high, int)
    if not key.startswith(ARGUMENT):
        try:
            _taken(base, key, domain.low + 0.5, firsts, catalog)
            whole = False
        except SpecError:
            whole = True
    kind = int if whole else float
    return Range(kind(domain.low), kind(domain.high), domain.log, whole)


def _taken(base: Mapping[str, Any], key: str, value: Value, firsts: Mapping[str, Value], catalog: Catalog) -> Value:
    """What the settled spec has there once it was told this value."""
    try:
        told: Any = settled(spec_with(base, {**firsts, key: value}), catalog)
    except UsageError as error:
        raise SpecError(f"--param {key}: the spec does not take {value}: {error.message}", hint=error.hint) from None
    if key.startswith(ARGUMENT):
        return value
    for part in key.split("."):
        told = told.get(part, value) if isinstance(told, dict) else value
    return told if isinstance(told, str | int | float) else value
