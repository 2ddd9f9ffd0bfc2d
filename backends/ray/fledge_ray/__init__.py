"""Runs on a Ray cluster. Importing this must stay cheap: every command of fledge does it."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_backends() -> list[Offer]:
    summary = "a Ray cluster: processes that Ray places over its nodes"
    return [Offer("ray", "fledge_ray.backend:Ray", "fledge_ray.options:RayOptions", summary)]
