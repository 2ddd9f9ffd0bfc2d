"""The cache folder that data sets and models are given."""

from pathlib import Path

from fledge.errors import DataError


def make_cache(folder: Path) -> None:
    """Raises DataError where there can be no such folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"the cache folder {folder} cannot be made: {error.strerror}",
            hint="name a folder you may write to: XDG_CACHE_HOME=DIR",
        ) from None
