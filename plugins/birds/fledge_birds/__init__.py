"""Birds: the tutorial's photographs of chickens and turkeys, and two species drawn by code."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_datasets() -> list[Offer]:
    return [
        Offer(
            "birds",
            "fledge_birds.birds:Birds",
            "fledge_birds.options:BirdsOptions",
            "photographs of chickens and turkeys, downloaded",
        ),
        Offer(
            "drawn-birds",
            "fledge_birds.drawn_birds:DrawnBirds",
            "fledge_birds.drawn_options:DrawnBirdsOptions",
            "chickens and turkeys drawn by code, for machines without photographs",
        ),
    ]
