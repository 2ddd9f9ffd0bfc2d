"""What a worker does, from its first word in the journal to its last."""

import faulthandler
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.discovery.discover import discover
from fledge.errors import FledgeError
from fledge.importing import importing
from fledge.interfaces.job import TRY_AGAIN
from fledge.interfaces.launcher import ALONE, Launcher
from fledge.interfaces.run import RunInfo
from fledge.interfaces.state import RunState
from fledge.runs.notice import Notice, Stopped
from fledge.runs.quiet_reporter import QuietReporter
from fledge.runs.reporter import Reporter
from fledge.runs.run_directory import CHECKPOINTS
from fledge.spec.load import load
from fledge.spec.run_spec import RunSpec
from fledge.transient import is_transient
from fledge.worker.assignments import assigned
from fledge.worker.last_words import LastWords, explain
from fledge.worker.lifecycle import lifecycle
from fledge.worker.lineage import lineage
from fledge.worker.preemption import preemption_notices
from fledge.worker.script import run_script
from fledge.worker.trackers import Trackers
from fledge.worker.vital_signs import vital_signs


def work(spec: Path, folder: Path, companions: Mapping[str, object] | None = None, words: Sequence[str] = ()) -> int:
    """Executes the spec, with each KEY=VALUE of `words` laid over it, in a run's folder; returns the exit status.

    Its last word is COMPLETED, FAILED, CANCELED or PREEMPTED, and TRY_AGAIN the exit status where the run can
    be taken up again. `companions` are told of the run's life as its extensions are, by name.
    """
    report, place = Reporter(folder), ALONE
    notice = Notice(folder)
    with LastWords(report) as last, Trackers(last) as trackers:
        try:
            notice.listen()
            # Told to stop before it knows which of many processes it is, it would speak for them all.
            with notice.deferred():
                spec = assigned(spec, words)
                wanted = load(spec)
                if wanted.script is None:
                    # The snapshot's packages go before the installed ones, which may have been edited since.
                    sys.path.insert(0, str(Path.cwd()))
                catalog = discover()
                launcher: Launcher = catalog.make("launcher", wanted.launcher.name, wanted.launcher.options)
                place = launcher.place()
                if place.world_size > 1:
                    # Whoever starts the ranks asks one that hangs where it stands.
                    faulthandler.register(signal.SIGUSR1)
                if place.rank:
                    report = QuietReporter(folder)
                last.begin(place, report)
            notice.check()
            with vital_signs(report, notice), preemption_notices(notice, report):
                if not place.rank:
                    report.journal.write("lineage", **lineage(Path.cwd(), wanted.seed))
                    trackers.start(spec, wanted, report)
                _execute(wanted, catalog, launcher, folder, notice, report, companions or {})
        except Stopped as stop:
            return last.stopped(stop)
        except FledgeError as error:
            notice.dismiss()
            report.wail(f"error: {error}")
            return last.failed(str(error), transient=error.transient)
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it is, the run's state must say so
            # A Stopped that began in here would find nobody to catch it, and the run no last word.
            notice.dismiss()
            if notice.reason is not None:
                # What fails while everything is being stopped (a loader process that was stopped too) is no error.
                return last.stopped(notice.stopped())
            told = explain(error, folder)
            message = told or f"{type(error).__name__}: {error}"
            in_vain = place.world_size > 1 and "timed out" in message.lower()
            if in_vain:
                message += "\n  it waited in vain for another process: where that one stood is in the log"
            # What a collective raises whose other end has gone; one that hangs is still there.
            cause = last.cause(notice) if isinstance(error, RuntimeError) and not in_vain else None
            if cause:
                report.wail(f"error: it cannot go on alone: {cause.error}")
            else:
                report.wail(f"error: {told}" if told else traceback.format_exc())
            if notice.reason is not None:
                # Told meanwhile. A person's wish is its last word; else the backend knows why, and not this process:
                # of a run that has lost a node it says so itself.
                return last.stopped(notice.stopped()) if cause or notice.canceled else TRY_AGAIN
            return last.failed(message, transient=is_transient(error))
        if wanted.script is not None and place.world_size > 1:
            # Others may be at it still: that all ended well is for the backend to say.
            last.state = RunState.COMPLETED
            return 0
        if place.rank:
            return 0
        last.say(RunState.COMPLETED)
        # Not before: until then there was something to come back to.
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        return 0


def _execute(
    spec: RunSpec,
    catalog: Catalog,
    launcher: Launcher,
    folder: Path,
    notice: Notice,
    report: Reporter,
    companions: Mapping[str, object],
) -> None:
    run = RunInfo(os.environ["FLEDGE_RUN_ID"], spec.experiment, spec.to_dict(), folder / "outputs")
    if launcher.place().rank:
        # Extensions are told by rank 0.
        spec, companions = spec.model_copy(update={"extensions": {}}), {}
    with lifecycle(spec, catalog, run, report, companions) as hooks:
        if spec.script is not None:
            run_script(spec.script, folder, launcher.place(), report)
            notice.dismiss()
        else:
            # Imported late: a script's run needs no torch of ours.
            with importing():
                from fledge.worker.training import run_training

            run_training(spec, catalog, run, launcher, notice, report, hooks)
