"""The model example. Importing this must stay cheap, and without torch: every command of fledge does it."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_models() -> list[Offer]:
    return [
        Offer(
            "example",
            "fledge_example.model:Example",
            "fledge_example.options:ExampleOptions",
            "a small convolutional network",
        )
    ]
