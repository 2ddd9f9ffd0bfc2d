"""Your own folder of photographs, as a data set."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_datasets() -> list[Offer]:
    return [
        Offer(
            "imagefolder",
            "fledge_imagefolder.dataset:ImageFolder",
            "fledge_imagefolder.options:ImageFolderOptions",
            "any folder of images: train/CLASS and val/CLASS, or CLASS alone",
        )
    ]
