"""Ledger: which number each model version has, and what aliases mean, as small files of the workspace's blob store.

The service itself gives no number in one step with the model that is to have it, and writes a model's tags all at once
or not at all: of two people at the same moment, one would be forgotten. A file that is only made where there is none
is had by one of them, and an alias that is a file of its own means what it was given last.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

from fledge import RegistryError

from fledge_azureml.blobs import Blobs

_ROOT = "fledge/registry/"
_NUMBERS, _DIGESTS, _ALIASES = "numbers", "digests", "aliases"


class Store(Protocol):
    """Of a `Workspace`."""

    def stored(self, prefix: str) -> dict[str, str]: ...

    def store(self, path: str, content: bytes, *, anew: bool) -> bool: ...


class Ledger:
    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store, self._blobs = store, blobs

    def names(self) -> list[str]:
        """Those that any number was taken for."""
        found = re.findall(rf"^{_ROOT}([^/]+)/{_NUMBERS}/", "\n".join(self._store.stored(_ROOT)), re.MULTILINE)
        return sorted(set(found))

    def number(self, name: str, digest: str) -> int | None:
        """What the version of this digest is called, whether it came to be or not."""
        return self._read(name, _DIGESTS, digest).get(digest)

    def take(self, name: str, digest: str, taken: Iterable[int], *, instead: bool = False) -> int:
        """The number of the version of this digest, from now on: the next, unless somebody was quicker.

        taken: what is no longer to be had. instead: the digest's number was another's, and is so no more.
        """
        number = max([0, *taken, *map(int, self._files(name, _NUMBERS))]) + 1
        while not self._write(name, _NUMBERS, str(number), digest.encode(), anew=True):
            number += 1
        if self._write(name, _DIGESTS, digest, str(number).encode(), anew=not instead):
            return number
        # The same, registered at the same moment: this number is nobody's then.
        known = self.number(name, digest)
        assert known is not None
        return known

    def give(self, name: str, alias: str, number: int) -> None:
        self._write(name, _ALIASES, alias, str(number).encode(), anew=False)

    def aliases(self, name: str) -> Mapping[str, int]:
        return self._read(name, _ALIASES)

    def _files(self, name: str, kind: str, beginning: str = "") -> dict[str, str]:
        prefix = f"{_ROOT}{name}/{kind}/"
        return {path.removeprefix(prefix): url for path, url in self._store.stored(prefix + beginning).items()}

    def _read(self, name: str, kind: str, beginning: str = "") -> dict[str, int]:
        found = {}
        for word, url in self._files(name, kind, beginning).items():
            content = self._blobs.read(url)
            try:
                found[word] = int(content)
            except ValueError:
                raise RegistryError(
                    f"{_ROOT}{name}/{kind}/{word} of the workspace's blob store cannot be read: {content[:40]!r}",
                    hint="remove it there, and promote or register again",
                ) from None
        return found

    def _write(self, name: str, kind: str, word: str, content: bytes, *, anew: bool) -> bool:
        return self._store.store(f"{_ROOT}{name}/{kind}/{word}", content, anew=anew)
