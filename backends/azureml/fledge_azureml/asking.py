"""Asking: what a workspace does the same way by either SDK: it asks by a credential, and anew by a new one."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from fledge import FledgeError

from fledge_azureml.request import WorkspaceName
from fledge_azureml.runs import Runs
from fledge_azureml.workspace import Readable


class Files(Protocol):
    """Of the workspace's blob store, as `Workspace` has them."""

    def files(self, prefix: str) -> dict[str, str]: ...

    def write(self, path: str, content: Readable | bytes, *, anew: bool) -> bool: ...


class Connection(Protocol):
    """What speaks with one credential's tokens."""

    @property
    def runs(self) -> Runs: ...

    @property
    def store(self) -> Files: ...


_Connection = TypeVar("_Connection", bound=Connection)
_Answer = TypeVar("_Answer")


class Asking(ABC, Generic[_Connection]):
    """Part of a `Workspace`. Making it asks nobody; one object may be used by many threads."""

    def __init__(self, name: WorkspaceName, credential: Callable[[], Any]) -> None:
        """credential: makes one; asked again where what the last one gave is refused."""
        self._name = name
        self._make_credential = credential
        self._lock = threading.RLock()
        self._connected: _Connection | None = None

    def children(self, name: str) -> list[str]:
        return self._ask(f"list the trials of {name}", lambda at: at.runs.children(name))

    def artifacts(self, name: str, prefix: str) -> dict[str, str]:
        return self._ask(f"list the files of {name}", lambda at: at.runs.artifacts(name, prefix))

    def keep(self, run: str, name: str, content: Readable | bytes) -> None:
        doing = f"write {name} into the folder of run {run}"
        self._ask(doing, lambda at: at.store.write(f"{folder(run)}/{name}", content, anew=True))

    def kept(self, run: str, prefix: str) -> dict[str, str]:
        below = f"{folder(run)}/"
        found = self._ask(f"list the folder of run {run}", lambda at: at.store.files(below + prefix))
        return {name.removeprefix(below): url for name, url in found.items()}

    def stored(self, prefix: str) -> dict[str, str]:
        return self._ask(f"list {prefix} of its blob store", lambda at: at.store.files(prefix))

    def store(self, path: str, content: Readable | bytes, *, anew: bool) -> bool:
        doing = f"write {path} into its blob store"
        return self._ask(doing, lambda at: at.store.write(path, content, anew=anew))

    def _ask(self, doing: str, ask: Callable[[_Connection], _Answer]) -> _Answer:
        """With a new credential once more, where the service takes the last one's tokens no longer."""
        for again in (False, True):
            try:
                return ask(self._connection(anew=again))
            except FledgeError:
                raise
            except Exception as error:  # noqa: BLE001 -- an SDK's own are of no common kind, and some are bare
                if not again and self._unknown_caller(error):
                    continue
                raise self._translated(doing, error) from None
        raise AssertionError

    def _connection(self, *, anew: bool) -> _Connection:
        with self._lock:
            if anew or self._connected is None:
                self._connected = self._connect()
            return self._connected

    @abstractmethod
    def _connect(self) -> _Connection:
        """A new one, by a new credential."""

    @abstractmethod
    def _unknown_caller(self, error: Exception) -> bool:
        """Whether it says that the service does not take the credential's tokens."""

    @abstractmethod
    def _translated(self, doing: str, error: Exception) -> FledgeError:
        """The error in fledge's words; doing: what was asked for."""


def folder(run: str) -> str:
    """Of the workspace's blob store, what every submission of a run mounts."""
    return f"fledge/{run}"
