"""Trial: the values that the service has drawn for this job of a sweep."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fledge_azureml_node.trouble import NotReadyError

# As fledge's jobs have it in their argv.
_STANDS = re.compile(r"\{\{([^{}]+)\}\}")
_NEARLY = 1e-6


@dataclass(frozen=True)
class Trial:
    """values are words as the service has told them, by fledge's name of each parameter."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, words: Sequence[str], wanted: Mapping[str, Mapping[str, Any]]) -> "Trial":
        """From words such as `--training_lr 0.1` or `--training_lr=0.1`, of which the last of a name holds.

        wanted are by the service's names, each of which has to be told: the key, and whether it is of whole numbers,
        which the service may tell as 32.0. Raises NotReadyError.
        """
        keys = {name: one["key"] for name, one in wanted.items()}
        told = _told(words, keys)
        missing = [key for name, key in keys.items() if name not in told]
        if missing:
            raise NotReadyError(f"the service has told no value of {', '.join(missing)}: the words were {list(words)}")
        return cls(
            {key: _whole(key, told[name]) if wanted[name]["whole"] else told[name] for name, key in keys.items()}
        )

    def argv(self, argv: Sequence[str]) -> list[str]:
        """With each value where `{{KEY}}` stands for it; what stands for nothing stays."""
        return [_STANDS.sub(lambda found: self.values.get(found[1], found[0]), word) for word in argv]


def _told(words: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    # By hand: of a value such as -1e-05 argparse would say that it is a word of another kind.
    told, left = {}, iter(words)
    for word in left:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in known:
            raise NotReadyError(f"the service has told {word!r}, which is no value of this sweep")
        if not equals:
            try:
                value = next(left)
            except StopIteration:
                raise NotReadyError(f"the service has told no value of {known[name]}: it ends with {word}") from None
        told[name] = value
    return told


def _whole(key: str, value: str) -> str:
    try:
        return str(int(value))
    except ValueError:
        pass
    try:
        number = float(value)
        if abs(number - round(number)) < _NEARLY:
            return str(round(number))
    except (ValueError, OverflowError):
        pass
    raise NotReadyError(f"the service has told {value} of {key}, which is to be a whole number")
