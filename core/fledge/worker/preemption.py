"""Azure's warning that a machine is about to be taken away, made into a notice.

The metadata service of a virtual machine announces events at least 30 s ahead for a preemption
(learn.microsoft.com/azure/virtual-machines/linux/scheduled-events). They name the machines they are for, by the name
that the same service gives this one.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fledge.runs.notice import Notice
from fledge.runs.reporter import Reporter

VARIABLE = "FLEDGE_PREEMPTION_URL"
_EVENTS = "/scheduledevents?api-version=2020-07-01"
_NAME = "/instance/compute/name?api-version=2021-02-01&format=text"
# A Freeze of some seconds needs nobody to stop.
_ENDS_US = frozenset({"Preempt", "Terminate", "Reboot", "Redeploy"})
_POLL_SECONDS = 1.0
# The first question switches the service on, which may take minutes.
_TIMEOUT_SECONDS = 150.0


@contextmanager
def preemption_notices(notice: Notice, report: Reporter) -> Iterator[None]:
    """Within, the service that FLEDGE_PREEMPTION_URL names ("http://169.254.169.254/metadata") is asked every second.

    Without the variable nothing is asked. A service that does not answer is warned of once, and asked on.
    """
    url = os.environ.get(VARIABLE)
    if not url:
        yield
        return
    ending = threading.Event()
    threading.Thread(target=_watch, args=(url.rstrip("/"), notice, report, ending), daemon=True).start()
    try:
        yield
    finally:
        ending.set()


def _watch(url: str, notice: Notice, report: Reporter, ending: threading.Event) -> None:
    import httpx

    name, warned = None, False
    # A proxy has no business between a machine and its own metadata.
    with httpx.Client(headers={"Metadata": "true"}, trust_env=False, timeout=_TIMEOUT_SECONDS) as client:
        while not ending.wait(_POLL_SECONDS):
            try:
                name = name or client.get(url + _NAME).raise_for_status().text
                events = client.get(url + _EVENTS).raise_for_status().json()["Events"]
                ours = [one for one in events if one["EventType"] in _ENDS_US and name in one["Resources"]]
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                if not warned:
                    report.warn(f"{url} does not say whether this machine will be taken away: {error}")
                warned = True
                continue
            if ours:
                notice.give(f"Azure announced: {ours[0]['EventType']} of {name}")
                return
