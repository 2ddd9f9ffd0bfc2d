"""What the trials of a sweep tell of themselves, in the history of each."""

import json
import re

# Left by the node before the job begins.
TRIAL = "outputs/trial.json"
_NUMBER = re.compile(r"_(\d+)$")


def values_of(content: bytes) -> dict[str, str] | None:
    """Of each key the word that its trial has; None where it is half a file."""
    try:
        return {str(key): str(word) for key, word in json.loads(content)["values"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def number_of(name: str) -> int:
    """The service calls a sweep's trials by the sweep's name and a number."""
    found = _NUMBER.search(name)
    return int(found[1]) if found else 0
