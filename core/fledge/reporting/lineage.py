"""Lineage: what a run was made of: its spec, code, data, weights, packages and machine."""

from typing import Any

from fledge.reporting.facts import Facts
from fledge.reporting.section import Section, render

# Told elsewhere on the page, or too long to read.
_PARAMS_ELSEWHERE = {"classes", "dataset", "weights", "transforms"}


def lineage(run: Facts) -> Section:
    params, more = run.reading.params, dict(run.reading.lineage)
    snapshot = (run.plan.get("job") or {}).get("snapshot") or {}
    packages = more.pop("packages", None) or {}
    git = more.pop("git", None)
    facts: list[tuple[str, Any]] = [("run", run.run), ("experiment", run.record.experiment)]
    facts += [("models", ", ".join(run.models))] if run.models else []
    facts += [("backend", run.record.backend), ("created", run.record.created)]
    facts += [("seed", run.spec["seed"])] if "seed" in run.spec else []
    if snapshot:
        facts.append(("code", f"{len(snapshot.get('files') or {})} files, sha256 {snapshot.get('sha256')}"))
    facts += flat("git", git)
    for name in ("dataset", "weights", "transforms"):
        facts += flat(name, params.get(name))
    facts += [(name, value) for name, value in params.items() if name not in _PARAMS_ELSEWHERE]
    for name, value in more.items():
        facts += flat(name, value)
    facts += flat("plugins", run.plan.get("plugins"))
    return Section(
        "Lineage",
        render("lineage.html", facts=facts, packages=sorted(flat("", packages)), spec=flat("", run.spec)),
    )


def flat(name: str, value: Any) -> list[tuple[str, Any]]:
    """What is within is named by its way there: dataset.counts.train."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in flat(f"{name}.{key}" if name else str(key), inner)]
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return [] if value is None or value == "" else [(name, value)]
