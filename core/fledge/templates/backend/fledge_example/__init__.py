"""The backend example. Importing this must stay cheap: every command of fledge does it."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_backends() -> list[Offer]:
    return [
        Offer(
            "example",
            "fledge_example.backend:Example",
            "fledge_example.options:ExampleOptions",
            "processes of this machine",
        )
    ]
