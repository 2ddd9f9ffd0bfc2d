"""Job in, trained model and journal out."""

import os
import sys
import traceback
from pathlib import Path

from fledge.discovery.catalog import discover
from fledge.errors import FledgeError, UsageError
from fledge.interfaces.run import RunInfo
from fledge.interfaces.state import RunState
from fledge.runs.reporter import Reporter
from fledge.spec.load import load
from fledge.spec.run_spec import RunSpec
from fledge.worker.lifecycle import lifecycle
from fledge.worker.script import run_script
from fledge.worker.tracking import Tracking


def main() -> int:
    """Executes the spec named by the first argument; its last word in the journal is COMPLETED or FAILED."""
    folder = Path(os.environ["FLEDGE_RUN_DIR"])
    report = Reporter(folder)
    report.stage(RunState.PREPARING)
    try:
        _execute(load(Path(sys.argv[1])), folder, report)
    except FledgeError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        report.stage(RunState.FAILED, error=str(error))
        return error.exit_status if not isinstance(error, UsageError) else 1
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it is, the run's state must say so
        traceback.print_exc()
        report.stage(RunState.FAILED, error=f"{type(error).__name__}: {error}")
        return 1
    report.stage(RunState.COMPLETED)
    return 0


def _execute(spec: RunSpec, folder: Path, report: Reporter) -> None:
    run = RunInfo(os.environ["FLEDGE_RUN_ID"], spec.experiment, spec.to_dict(), folder / "outputs")
    if spec.script is None:
        # The snapshot's packages go before the installed ones, which may have been edited since.
        sys.path.insert(0, str(Path.cwd()))
    catalog = discover()
    with Tracking(spec, catalog, run, report), lifecycle(spec, catalog, run) as hooks:
        if spec.script is not None:
            run_script(spec.script, folder, report)
        else:
            # Imported late: a script's run needs no torch of ours.
            from fledge.worker.training import run_training

            run_training(spec, catalog, run, report, hooks)


if __name__ == "__main__":
    sys.exit(main())
