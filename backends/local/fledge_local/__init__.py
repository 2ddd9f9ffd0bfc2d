"""Runs on this machine, and a model registry in a folder."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_backends() -> list[Offer]:
    summary = "this machine: a process group for each run"
    return [Offer("local", "fledge_local.backend:Local", "fledge_local.options:LocalOptions", summary)]


@hookimpl
def fledge_registries() -> list[Offer]:
    return [Offer("local", "fledge_local.registry:LocalRegistry", summary="a folder of models in fledge's home")]
