"""Folders, and what is below them."""

from collections.abc import Iterator
from pathlib import Path

from fledge.data.entries import plain_entries


def below(folder: Path) -> Iterator[tuple[Path, list[str], OSError | None]]:
    """Itself and every folder below that is not hidden, each once: with its files' names, or why it cannot be read."""
    seen, waiting = {folder.resolve()}, [folder]
    while waiting:
        here = waiting.pop()
        try:
            folders, files = plain_entries(here)
        except OSError as error:
            yield here, [], error
            continue
        yield here, files, None
        for inner in (here / name for name in reversed(folders)):
            # A link back up would never end.
            if inner.resolve() not in seen:
                seen.add(inner.resolve())
                waiting.append(inner)
