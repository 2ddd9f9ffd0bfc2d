"""The extension example. Importing this must stay cheap: every command of fledge does it."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_extensions() -> list[Offer]:
    return [
        Offer(
            "example",
            "fledge_example.extension:Example",
            "fledge_example.options:ExampleOptions",
            "a summary among the run's outputs",
        )
    ]
