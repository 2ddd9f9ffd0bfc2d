"""How long what the service takes time for is waited for, with SDK v2."""

from typing import Any

from fledge import RunError

SECONDS = 600


def outcome(poller: Any, trouble: str, seconds: float = SECONDS) -> Any:
    """What came of it. Raises RunError where it takes longer: the service goes on with it by itself."""
    poller.wait(seconds)
    if not poller.done():
        raise RunError(f"{trouble} after {seconds:g} s", hint="the studio says how it stands; try again later")
    return poller.result()
