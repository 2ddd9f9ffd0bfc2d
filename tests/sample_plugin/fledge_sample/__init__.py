"""A stranger's plugin: one offer of each kind that a training run can use."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_datasets() -> list[Offer]:
    return [Offer("dots", "fledge_sample.dots:Dots", "fledge_sample.options:DotsOptions", "coloured squares")]


@hookimpl
def fledge_models() -> list[Offer]:
    return [Offer("tiny", "fledge_sample.tiny:Tiny", "fledge_sample.options:TinyOptions", "a small CNN")]


@hookimpl
def fledge_trackers() -> list[Offer]:
    return [Offer("lines", "fledge_sample.lines:Lines", "fledge_sample.options:LinesOptions", "a line an event")]


@hookimpl
def fledge_extensions() -> list[Offer]:
    return [Offer("stamp", "fledge_sample.stamp:Stamp", summary="leaves a file that says what it was told")]
