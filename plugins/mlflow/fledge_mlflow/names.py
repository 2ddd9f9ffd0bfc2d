"""Names that MLflow takes."""

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST = 250
# ":" is refused by servers on Windows.
_REFUSED = re.compile(r"[^\w.\-/ ]")


def allowed(name: str) -> str:
    """`name`, or, where MLflow refuses it, one like it that no other name becomes: it ends with a hash of `name`."""
    # MLflow takes names for paths of files, and refuses those that are another path's.
    fits = bool(name) and len(name) <= _LONGEST and not _REFUSED.search(name)
    if fits and posixpath.normpath(name) == name and not name.startswith((".", "/")):
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    parts = [part for part in _REFUSED.sub("_", name).split("/") if part.strip(".")]
    return f"{'/'.join(parts)[: _LONGEST - len(digest) - 1]}-{digest}"


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values by their dotted names."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
