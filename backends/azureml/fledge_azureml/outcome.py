"""What the service says of a submission, and the ranks of how they ended, in fledge's words."""

import json
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fledge import TRY_AGAIN, RunState, Status

from fledge_azureml.facts import CANCELING, STATES, run_state
from fledge_azureml.log import begun
from fledge_azureml.workspace import Details

_FILE = re.compile(r"outputs/ended-(\d+)\.json")
# Of a service's sentence, where no rank has left a word.
_CODE = re.compile(
    r"exit(?:ed)?(?: with)?(?: status)?(?: code)?s?\W{0,3}?(?:(-?\d{1,3})\b|[\[{]([^\]}]*))", re.IGNORECASE
)
# Of those in brackets: what has a colon behind it is whose it is.
_EACH = re.compile(r"(?<![\d-])-?\d{1,3}\b(?!['\"]?\s*:)")
_TAKEN_AWAY = re.compile(r"preempt|evict", re.IGNORECASE)
_SIGNALS = 128


@dataclass(frozen=True)
class Ending:
    """How a rank ended: its exit status, or a signal's number as a negative one; whether it had been told to stop; and
    why it was not begun, where it was not."""

    rank: int
    code: int
    asked: bool
    reason: str


def ending(path: str, content: bytes) -> Ending | None:
    """From a file of the run's history; None where it is none, or half of one."""
    found = _FILE.fullmatch(path)
    try:
        told = json.loads(content)
        return Ending(int(found[1]), int(told["code"]), bool(told["asked"]), str(told["reason"])) if found else None
    except (ValueError, KeyError, TypeError):
        return None


def status(details: Details | None, endings: Callable[[], list[Ending]], canceled: Callable[[], bool]) -> Status:
    """details: None of one that the workspace does not know. The others are asked only of one that failed: how its
    ranks ended, and whether a person wanted it."""
    if details is None:
        return Status(RunState.LOST, "the workspace knows nothing of it: was it removed, or is it another workspace's?")
    state = run_state(details.status)
    if state is RunState.FAILED:
        # Whoever was told to stop is not who failed.
        ended = sorted(endings(), key=lambda one: (one.asked, one.rank))
        if any(one.asked for one in ended) and canceled():
            return Status(RunState.CANCELED, "canceled on request", None, details.ended)
        return _failed(details, ended)
    if state is RunState.CANCELED:
        return Status(state, "canceled on request", None, details.ended)
    if state is RunState.COMPLETED:
        return Status(state, "", 0, details.ended)
    if details.status not in STATES:
        word = f"the service calls it {details.status!r}"
        return Status(state, f"{word}: {details.reason}" if details.reason else word)
    return Status(state, details.reason)


def of_a_sweep(details: Details | None) -> Status:
    """A sweep is no process of anybody's: it is what the service calls it, and why."""
    if details is not None and run_state(details.status) is RunState.FAILED:
        return Status(RunState.FAILED, details.reason or "the service does not say why", None, details.ended)
    found = status(details, list, bool)
    return replace(found, state=RunState.FINALIZING) if details and details.status == CANCELING else found


def _failed(details: Details, endings: list[Ending]) -> Status:
    first = next((one for one in endings if one.code), None)
    code = first.code if first else _code(details.reason)
    reason = details.reason or "the service does not say why"
    if first and first.reason:
        return Status(RunState.FAILED, first.reason, code, details.ended)
    if code is None:
        if _TAKEN_AWAY.search(reason):
            return Status(RunState.PREEMPTED, f"its machine was taken away: {reason}", None, details.ended)
        if begun(details) and not endings:
            return Status(RunState.LOST, f"its machine is gone: {reason}", None, details.ended)
        return Status(RunState.FAILED, reason, None, details.ended)
    whose = f"the process of rank {first.rank}" if first and len(endings) > 1 else "its process"
    if code in (TRY_AGAIN, -signal.SIGTERM, -signal.SIGINT):
        words = "it was told to stop" if begun(details) else "it was told to stop before it had begun"
        return Status(RunState.PREEMPTED, words, code, details.ended)
    if code < 0:
        return Status(RunState.LOST, f"{whose} was killed by {_name(-code)}", code, details.ended)
    # What no rank has told, the service has.
    words = "" if first else f": {reason}"
    return Status(RunState.FAILED, f"{whose} ended with exit status {code}{words}", code, details.ended)


def _code(reason: str) -> int | None:
    """The first that is none of success."""
    found = (one for match in _CODE.finditer(reason) for one in ([match[1]] if match[1] else _EACH.findall(match[2])))
    code = next(filter(None, map(int, found)), None)
    if code is None or code < 0:
        return code
    return _SIGNALS - code if _SIGNALS < code < _SIGNALS + 65 else code


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def paths(found: Mapping[str, str]) -> dict[str, str]:
    """Those of a run's history that tell how a rank ended: path to URL."""
    return {path: url for path, url in found.items() if _FILE.fullmatch(path)}
