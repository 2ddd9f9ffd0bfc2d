"""`fledge verify`: is a run that is killed and resumed the same as one that is not?"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fledge.cli.words import AsJson


def verify(
    spec: Annotated[Path, typer.Argument(help="A spec file (TOML).")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the spec.")
    ] = None,
    kills: Annotated[int, typer.Option(min=1, help="How often the second training is killed or preempted.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="From which the moments follow.")] = 0,
    as_json: AsJson = False,
) -> int:
    """Train a spec undisturbed and again under seeded kills; exit status 0 where the weights are equal."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.spec.load import load, parse_assignment
    from fledge.testing.verify import verify as verify_spec

    here = context()
    wanted = load(spec, [parse_assignment(text) for text in set_ or ()])
    verdict = verify_spec(
        wanted, here.catalog, here.home, seed=seed, kills=kills, say=lambda line: print(line, file=sys.stderr)
    )
    one, other = verdict.weights_sha256
    found = verdict.difference
    if as_json:
        told = {"equal": verdict.equal, "faults": [str(fault) for fault in verdict.faults], "tries": verdict.tries}
        told |= {"weights_sha256": [one, other], "first_difference": found and found._asdict()}
        print_json(told if verdict.equal else told | {"runs": [verdict.alone.id, verdict.killed.id]})
    elif verdict.equal:
        print(f"equal: {one}, in {verdict.tries} tries under {', '.join(map(str, verdict.faults))}")
    else:
        where = f"first in epoch {found.epoch}, step {found.step}: {found.tensor}" if found else "in no step's tensors"
        print(f"different, {where}\n  {verdict.alone.id}  {one}\n  {verdict.killed.id}  {other}")
    return 0 if verdict.equal else 1
