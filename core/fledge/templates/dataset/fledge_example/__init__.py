"""The data set example. Importing this must stay cheap: every command of fledge does it."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_datasets() -> list[Offer]:
    return [
        Offer(
            "example",
            "fledge_example.dataset:Example",
            "fledge_example.options:ExampleOptions",
            "stripes that lie or stand",
        )
    ]
