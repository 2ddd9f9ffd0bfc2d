"""The launcher example. Importing this must stay cheap, and without torch: every command of fledge does it."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_launchers() -> list[Offer]:
    return [
        Offer(
            "example",
            "fledge_example.launcher:Example",
            "fledge_example.options:ExampleOptions",
            "many processes",
        )
    ]
