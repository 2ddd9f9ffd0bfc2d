"""Written: what the event files of a run hold already."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from fledge_tensorboard.summaries import SCALARS, TEXT


class Written:
    """begun tells whether there is any start of a session; texts is the last one of each tag, last its highest step."""

    def __init__(self, folder: Path) -> None:
        self.begun = False
        self.texts: dict[str, str] = {}
        self.last: dict[str, int] = {}
        self._there: Counter[object] = Counter()
        for event in _events(folder):
            self._there[_likeness(event)] += 1
            self.note(event)

    def note(self, event: Event) -> None:
        """This one is there too, from now on."""
        self.begun = self.begun or _begins(event)
        for value in event.summary.value:
            plugin = value.metadata.plugin_data.plugin_name
            if plugin == SCALARS:
                self.last[value.tag] = max(event.step, self.last.get(value.tag, 0))
            elif plugin == TEXT and value.tensor.string_val:
                self.texts[value.tag] = value.tensor.string_val[0].decode(errors="replace")

    def take(self, event: Event) -> bool:
        """Whether it was there from the beginning. What is there twice may be told twice."""
        like = _likeness(event)
        if not self._there[like]:
            return False
        self._there[like] -= 1
        return True


def _likeness(event: Event) -> object:
    """Leaves out the step: what has none is given another when it is told again."""
    if _begins(event):
        return event.wall_time, None
    return event.wall_time, tuple((value.tag, value.tensor.SerializeToString()) for value in event.summary.value)


def _begins(event: Event) -> bool:
    return bool(event.session_log.status == SessionLog.START)


def _events(folder: Path) -> Iterator[Event]:
    # By name, as TensorBoard reads them; one that is torn at its end is read to there.
    for path in sorted(folder.glob("*tfevents*")):
        yield from LegacyEventFileLoader(str(path)).Load()
