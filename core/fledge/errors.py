"""Every error fledge raises on purpose.

    FledgeError                 something a person can mend; never shown as a traceback
    ├── UsageError              the words on the command line or in the spec file are wrong (exit status 2)
    │   ├── SpecError           a key, a value or a file of the run spec
    │   └── UnknownName         no offer, run or model of that name
    ├── DataError               images, labels, weights or downloads are not what they should be
    ├── PluginError             a plugin broke a promise of its interface
    ├── RunError                a run failed, or cannot do what was asked of it
    └── RegistryError           a model version is missing, damaged or would be overwritten

An error says what happened and where in its message, and how to mend it in its hint. One that may be gone when the
same is tried again (a server that does not answer) is marked transient: `training.retries` begins with those.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class FledgeError(Exception):
    exit_status = 1

    def __init__(self, message: str, *, hint: str | None = None, transient: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.transient = transient

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Loader processes send errors home by pickle, which knows nothing of keyword-only arguments.
        return (_revive, (type(self), self.message, self.hint, self.transient))


def _revive(kind: type[FledgeError], message: str, hint: str | None, transient: bool) -> FledgeError:
    error = kind.__new__(kind)
    FledgeError.__init__(error, message, hint=hint, transient=transient)
    return error


class UsageError(FledgeError):
    exit_status = 2


class SpecError(UsageError):
    pass


class UnknownName(UsageError):  # noqa: N818 -- says what it is; every error here does
    """Raised for a name that is not among `known`; suggests the nearest and lists what there is."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str | None = None) -> None:
        names = sorted(known)
        super().__init__(
            f"there is no {kind} named {name!r}{did_you_mean(name, names)}",
            hint=hint or (f"there is: {', '.join(names)}" if names else f"there is no {kind} here at all"),
        )


class DataError(FledgeError):
    pass


class PluginError(FledgeError):
    pass


class RunError(FledgeError):
    pass


class RegistryError(FledgeError):
    pass


def install(extra: str) -> str:
    """How to have what an extra of fledge's brings.

    By its folder: on the public index the name `fledge` is somebody else's, and nobody knows whose `pip` is typed.
    """
    return f"in fledge's checkout: pip install -e '.[{extra}]'"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'epochs'?"`, or nothing where no known word is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
