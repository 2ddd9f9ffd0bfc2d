"""What a path in a spec means."""

from pathlib import Path

from fledge.errors import SpecError


def absolute(path: Path, base: Path) -> Path:
    """`~` is a home folder; anything relative is relative to `base`. Raises SpecError for a stranger's `~`."""
    try:
        return (base / path.expanduser()).resolve()
    except RuntimeError as error:
        raise SpecError(f"{path}: {error}") from None
