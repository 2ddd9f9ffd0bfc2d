"""The tracker example. Importing this must stay cheap: every command of fledge does it."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_trackers() -> list[Offer]:
    return [
        Offer(
            "example",
            "fledge_example.tracker:Example",
            "fledge_example.options:ExampleOptions",
            "a file of JSON lines a run",
        )
    ]
