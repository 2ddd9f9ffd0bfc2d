"""`fledge.Run`: a run, looked at from Python and from a notebook."""

import html
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fledge.errors import install
from fledge.interfaces.state import RunState

if TYPE_CHECKING:
    from fledge.reporting.facts import Facts
    from fledge.runs.record import RunRecord


class Run:
    """A run of this folder (or of FLEDGE_HOME): in a notebook, what it has come to, in pictures.

    run: its id, or the beginning of one, or "latest". Raises UnknownName where there is none, or more than one.
    """

    def __init__(self, run: str = "latest") -> None:
        from fledge.discovery.discover import discover
        from fledge.runs.places import home
        from fledge.runs.run_directory import RunDirectory
        from fledge.submission import backend_for

        here = home()
        self._run = RunDirectory.find(here, run)
        self._backend = backend_for(self._run, discover(), here)
        self._facts: Facts | None = None

    @property
    def id(self) -> str:
        return self._run.id

    @property
    def state(self) -> RunState:
        """As it is now."""
        return self._record().state

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The last value of each; a finished model's own come last and so win."""
        from fledge.runs.history import History

        self._record()
        return dict(History.read(self._run.path).metrics)

    def watch(self, every: float = 2.0) -> None:
        """Show how it goes, in place, until it has ended: looked at again after `every` seconds.

        Outside of a notebook it prints a line whenever there is something new. Interrupting it ends the looking; the
        run goes on.
        """
        show = _in_place() or _in_lines()
        before = None
        try:
            while True:
                facts = self._look()
                told = facts.record.state, facts.reading.history.last_heard
                if told != before:
                    show(self._line(facts), facts)
                    before = told
                if facts.record.state.is_final:
                    return
                time.sleep(every)
        except KeyboardInterrupt:
            return

    def __repr__(self) -> str:
        return f"<fledge.Run {self.id} {self.state}>"

    def _repr_html_(self) -> str:
        return _pictures(self._look())

    def _record(self) -> "RunRecord":
        from fledge.resumption import look

        return look(self._run, self._backend)

    def _look(self) -> "Facts":
        from fledge.reporting.collect import collect
        from fledge.reporting.reading import Reading

        # What was read of the journal once is not read again.
        reading = self._facts.reading if self._facts else Reading(self._run.path)
        self._facts = collect(self._run, self._backend, reading)
        return self._facts

    def _line(self, facts: "Facts") -> str:
        told = facts.reading.history.metrics
        named = [name for name in ("train_loss", "val_loss", "val_accuracy") if name in told] or list(told)[:3]
        values = (f"{told[name]:.4g}" if isinstance(told[name], float) else told[name] for name in named)
        figures = "".join(f", {name} {value}" for name, value in zip(named, values, strict=True))
        return f"run {self.id} {facts.record.state}{figures}"


Show = Callable[[str, "Facts"], None]


def _in_lines() -> Show:
    return lambda line, _: print(line, flush=True)


def _in_place() -> Show | None:
    """None where this process is no notebook's."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython
    from IPython.display import HTML, display

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    handle = display(HTML(""), display_id=True)
    return lambda _, facts: handle.update(HTML(_pictures(facts)))


def _pictures(facts: "Facts") -> str:
    try:
        from fledge.reporting.page import snapshot
    except ModuleNotFoundError as error:
        told = f"{facts.label}: {facts.record.state}. Its pictures need {error.name}; {install('report')}"
        return f"<p>{html.escape(told)}</p>"
    return snapshot(facts)
