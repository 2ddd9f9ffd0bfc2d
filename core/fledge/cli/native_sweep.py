"""`fledge sweep --native`: what differs where a service runs the sweep."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fledge.cli.context import Context
    from fledge.sweeping.definition import Definition


def follow(definition: "Definition", here: "Context", parallel: int, *, as_json: bool) -> int:
    """Until it is over, or Ctrl-C."""
    from fledge.cli.trials import attend
    from fledge.errors import RunError
    from fledge.sweeping.native import follow
    from fledge.sweeping.sent import Sent

    def farewell() -> list[str]:
        try:
            sent = Sent.read(definition.folder)
        except RunError:
            return ["interrupted; there is no such sweep yet"]
        if sent.ref is None:
            return [f"interrupted; nothing was sent yet. To send it: fledge sweep --resume {definition.name}"]
        return [
            f"interrupted; the sweep goes on there. To follow it: fledge sweep --resume {definition.name}",
            f"to cancel it, and all of its trials: fledge sweep --cancel {definition.name}",
        ]

    return attend(definition, follow, here, parallel, farewell, as_json=as_json)


def cancel(definition: "Definition", here: "Context", *, as_json: bool) -> int:
    """And have what its trials came to be known here."""
    from fledge.cli.trials import say
    from fledge.errors import RunError
    from fledge.sweeping.native import cancel

    status = cancel(definition, here.catalog, here.home)
    say(f"sweep {definition.name} is {status.state}")
    try:
        follow(definition, here, 1, as_json=as_json)
    except RunError as error:
        # Somebody follows it, and does that.
        say(f"note: {error.message}")
    return 0


def show(definition: "Definition", here: "Context", parallel: int, *, as_json: bool) -> int:
    """What would be sent; asks nobody, and starts nothing."""
    from fledge.cli.rehearsal import DryRun
    from fledge.cli.rehearsal import show as show_plan
    from fledge.sweeping.native_plan import plan_natively

    plan = plan_natively(definition, parallel, here.catalog, here.home)
    return show_plan(plan, DryRun.plan, here, as_json=as_json)
