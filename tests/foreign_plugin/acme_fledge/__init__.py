"""Acme's offers: a backend behind a socket, and photographs in a zip file."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_backends() -> list[Offer]:
    summary = "a server of this machine's, through its Unix socket"
    return [Offer("socket", "acme_fledge.backend:Socket", "acme_fledge.options:SocketOptions", summary)]


@hookimpl
def fledge_datasets() -> list[Offer]:
    summary = "photographs in a zip file, read in place"
    return [Offer("zip-photos", "acme_fledge.zip_photos:ZipPhotos", "acme_fledge.options:ZipOptions", summary)]
