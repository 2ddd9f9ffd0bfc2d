"""The least Python that can be of use on a node: what is read before it is known to be there reads back to 3.8."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

_LEAST = (3, 11)


def check_python() -> None:
    """Ends the process where this one is older, and leaves the reason in the run's history, as `record` would."""
    if sys.version_info >= _LEAST:
        return
    here, least = (".".join(map(str, version[:2])) for version in (sys.version_info, _LEAST))
    reason = (
        f"this environment has Python {here}, and fledge needs {least} or newer: leave backend.environment out, "
        "or name another"
    )
    rank = os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ.get("RANK") or "0"
    with suppress(OSError):
        history = Path("outputs")
        history.mkdir(exist_ok=True)
        told = json.dumps({"code": 1, "asked": False, "reason": reason})
        (history / f"ended-{rank}.json").write_text(told, encoding="utf-8")
    sys.exit(f"error: {reason}")
