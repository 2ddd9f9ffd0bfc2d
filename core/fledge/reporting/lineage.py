"""Lineage: what a run was made of: its spec, code, data, weights, packages and machine."""

from collections.abc import Mapping
from typing import Any

from fledge.flat import flat
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
    facts += rows({"git": git})
    facts += rows({name: params.get(name) for name in ("dataset", "weights", "transforms")})
    facts += [(name, value) for name, value in params.items() if name not in _PARAMS_ELSEWHERE]
    facts += rows({**more, "plugins": run.plan.get("plugins")})
    return Section("Lineage", render("lineage.html", facts=facts, packages=sorted(rows(packages)), spec=rows(run.spec)))


def rows(told: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What is within is named by its way there, dataset.counts.train; what says nothing is left out."""
    found = [(key, value) for key, value in flat(told).items() if value not in (None, "", [])]
    return [(key, ", ".join(map(str, value)) if isinstance(value, list) else value) for key, value in found]
