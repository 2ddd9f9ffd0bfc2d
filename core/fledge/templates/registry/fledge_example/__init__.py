"""The registry example. Importing this must stay cheap: every command of fledge does it."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_registries() -> list[Offer]:
    return [
        Offer(
            "example",
            "fledge_example.registry:Example",
            "fledge_example.options:ExampleOptions",
            "folders below fledge's home",
        )
    ]
