"""`fledge runs explain`."""

from fledge.cli.runs.words import Run
from fledge.cli.words import AsJson


def explain(one: Run, other: Run, as_json: AsJson = False) -> None:
    """Why two runs differ: in spec, code, data or environment; and the first step of which they tell otherwise."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.cli.runs.facts import facts
    from fledge.comparing.explain import explain as explain_runs

    here = context()
    found = explain_runs(facts(here, one), facts(here, other))
    first = found.first
    if as_json:
        told = {"runs": found.runs, "equal": found.equal, "verdict": found.verdict(), "causes": found.causes}
        print_json({**told, "patch": found.patch, "first_difference": first and first._asdict(),
                    "weights_sha256": found.weights})  # fmt: skip
        return
    print(found.verdict())
    for section, differing in found.causes.items():
        print(f"\n{section}: {'' if differing else 'the same'}".rstrip())
        for key, (mine, theirs) in differing.items():
            print(f"  {key}: {_told(mine)} | {_told(theirs)}")
        if section == "code" and found.patch:
            print(found.patch, end="")
    if first:
        place = {"epoch": first.epoch, "step": first.step}
        where = ", ".join(f"{name} {at}" for name, at in place.items() if at is not None) or "their metrics"
        print(f"\nfirst apart in {where}: {first.metric} = {' | '.join(map(_told, first.values))}")
    else:
        print("\nno metric is apart")
    if all(found.weights):
        print("the same weights" if len(set(found.weights)) == 1 else "other weights: " + " | ".join(found.weights))


def _told(value: object) -> str:
    return "-" if value is None else str(value)
