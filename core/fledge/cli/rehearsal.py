"""What `fledge run` shows instead of a run: its plan, what would be sent, and whether it could run now."""

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fledge.cli.context import Context
    from fledge.interfaces.backend import ComputeBackend
    from fledge.plan.plan import Plan


class DryRun(StrEnum):
    plan = "plan"
    wire = "wire"


def show(plan: "Plan", what: DryRun, here: "Context", *, as_json: bool) -> int:
    """Starts nothing, and asks nobody."""
    import json

    from fledge.cli.printing import print_json, print_plan
    from fledge.errors import UsageError

    if what is DryRun.plan:
        print_json(plan.to_dict()) if as_json else print_plan(plan)
        return 0
    bodies = _backend(plan, here).wire(plan.request)
    if not bodies:
        raise UsageError(
            f"backend {plan.spec.backend.name!r} sends nothing over a wire",
            hint="--dry-run alone shows the request that it is handed",
        )
    print_json(bodies) if as_json else print(json.dumps(bodies, indent=2, ensure_ascii=False))
    return 0


def check(plan: "Plan", here: "Context", *, as_json: bool) -> int:
    """Starts nothing; exit status 1 where something would keep it from running."""
    from dataclasses import asdict

    from fledge.cli.printing import print_finding, print_json
    from fledge.interfaces.backend import Finding

    nobody = Finding("ok", f"it can be planned, and backend {plan.spec.backend.name!r} has nobody to ask")
    found = _backend(plan, here).inspect(plan.request) or [nobody]
    for finding in found:
        print_json(asdict(finding)) if as_json else print_finding(finding)
    return int(any(finding.level == "error" for finding in found))


def _backend(plan: "Plan", here: "Context") -> "ComputeBackend":
    from fledge.submission import backend_of

    return backend_of(plan.spec.backend.name, plan.spec.backend.options, here.catalog, here.home)
