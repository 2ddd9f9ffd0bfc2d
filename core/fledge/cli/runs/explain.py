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
        told = {"runs": found.runs, "equal": found.equal, "verdict": found.verdict(), "state": found.states,
                "error": found.errors, "causes": found.causes, "patch": found.patch}  # fmt: skip
        ends = [end and {"epoch": end[0], "step": end[1]} for end in found.ends]
        print_json({**told, "first_difference": first and first._asdict(), "ends": ends,
                    "weights_sha256": found.weights})  # fmt: skip
        return
    print(found.verdict())
    print(f"\nstate: {' | '.join(found.states)}")
    if any(found.errors):
        print(f"error: {' | '.join(map(_told, found.errors))}")
    for section, differing in found.causes.items():
        print(f"\n{section}: {'' if differing else 'the same'}".rstrip())
        for key, (mine, theirs) in differing.items():
            print(f"  {key}: {_told(mine)} | {_told(theirs)}")
        if section == "code" and found.patch:
            print(found.patch, end="")
    if first:
        print(f"\nfirst apart in {_place(first.epoch, first.step)}: {first.metric} = "
              f"{' | '.join(map(_told, first.values))}")  # fmt: skip
    else:
        print("\nno metric that both have is apart")
    if found.ends[0] != found.ends[1]:
        mine, theirs = (_place(*end[:2]) if end else None for end in found.ends)
        print(f"one ended at {mine or 'no metric'}, the other at {theirs or 'no metric'}")
    if all(found.weights):
        print("the same weights" if len(set(found.weights)) == 1 else "other weights: " + " | ".join(found.weights))


def _place(epoch: int | None, step: int | None) -> str:
    place = {"epoch": epoch, "step": step}
    return ", ".join(f"{name} {at}" for name, at in place.items() if at is not None) or "their metrics"


def _told(value: object) -> str:
    return "-" if value is None else str(value)
