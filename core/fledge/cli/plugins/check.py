"""`fledge plugins check`."""

import sys
from typing import Annotated

import typer

from fledge.cli.plugins.show import Name
from fledge.cli.words import AsJson


def check(
    name: Name,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the offer; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Hold a plugin to the promises of its interfaces: a line a promise. Exit status 0 where none was broken."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.discovery.asked import asked
    from fledge.errors import PluginError, SpecError, UsageError
    from fledge.spec.load import parse_assignment
    from fledge.testing.check import check as check_offer

    catalog = context().catalog
    plugins, found = asked(catalog, name)
    if not found:
        raise PluginError(f"plugin {name!r} offers nothing", hint=f"fledge plugins show {name} says why")
    told = dict(parse_assignment(text) for text in set_ or ())
    if told and len(found) > 1:
        offers = ", ".join(f"{one.kind}/{one.offer.name}" for one in found)
        raise UsageError(f"--set is for one offer, and {name!r} means several", hint=f"name one of them: {offers}")
    if len(found) == 1:
        # As `fledge run` has it, too: dataset.root is the option root.
        told = {key.removeprefix(f"{found[0].kind}."): value for key, value in told.items()}
    settled = []
    for one in found:
        try:
            settled.append((one, catalog.options(one.kind, one.offer.name, told)))
        except SpecError as error:
            offer = f"{one.kind}/{one.offer.name}"
            raise UsageError(error.message, hint=f"fledge plugins check {offer} --set KEY=VALUE") from None
    outcomes: list[str] = []
    for one, options in settled:
        if not as_json:
            print(f"{one.kind} {one.offer.name}", flush=True)
        for verdict in check_offer(one, options, {key.partition(".")[0] for key in told}, catalog):
            outcomes.append(verdict.outcome)
            if as_json:
                print_json({"kind": one.kind, "offer": one.offer.name, **vars(verdict)})
                continue
            print(f"  {verdict.outcome:<15}{verdict.promise}" + (f": {verdict.why}" if verdict.why else ""), flush=True)
            if verdict.details:
                print(verdict.details, file=sys.stderr)
    counts = {outcome: outcomes.count(outcome) for outcome in ("passed", "failed", "not applicable")}
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()), file=sys.stderr)
    broken = [one.reason for one in catalog.broken if one.plugin in plugins]
    # What is left out of it is no promise kept; nor is nothing.
    return int(bool(counts["failed"] or broken or not counts["passed"]))
