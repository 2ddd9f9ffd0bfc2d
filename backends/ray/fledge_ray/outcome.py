"""What Ray says of a job, and the driver's record of it, in fledge's words."""

import signal
from datetime import UTC, datetime
from typing import Any

from fledge import TRY_AGAIN, RunState, Status

_STAGES = {"QUEUED": RunState.QUEUED, "PREPARING": RunState.PREPARING, "RUNNING": RunState.RUNNING}
# Ray's errors of a job whose driver is not to blame.
_AT_FAULT = ("RUNTIME_ENV_SETUP_FAILURE", "JOB_ENTRYPOINT_COMMAND_START_ERROR")


def status(job: dict[str, Any] | None, record: dict[str, Any]) -> Status:
    """job: as the Jobs API tells it, None for one that it does not know; record: empty where there is none."""
    if job is None:
        return Status(RunState.LOST, "the cluster knows nothing of it: it was started anew, or is another")
    ended = record.get("stage") == "ENDED"
    if job["status"] == "PENDING":
        return Status(RunState.PREPARING, "Ray prepares it")
    if job["status"] == "RUNNING":
        # What the driver has written last is not yet all of it: it ends, and with it what it had placed.
        return Status(
            RunState.FINALIZING if ended else _STAGES.get(record.get("stage", ""), RunState.PREPARING),
            "" if ended else record.get("reason", ""),
        )
    if ended:
        return _of_record(record)
    when = job.get("end_time")
    at = datetime.fromtimestamp(when / 1000, UTC).isoformat(timespec="milliseconds") if when else None
    if job["status"] == "STOPPED":
        return Status(RunState.CANCELED, "canceled on request", None, at)
    words = [line.strip() for line in (job.get("message") or "").splitlines() if line.strip()]
    told = words[-1] if words else "no word of why"
    if job.get("error_type") in _AT_FAULT or (job.get("driver_exit_code") or 0) > 0:
        return Status(RunState.FAILED, f"Ray could not run it: {told}", job.get("driver_exit_code"), at)
    return Status(RunState.LOST, f"its driver is gone: {told}", None, at)


def _of_record(record: dict[str, Any]) -> Status:
    code, ended = record["code"], record["ended"]
    if record["canceled"]:
        return Status(RunState.CANCELED, "canceled on request", code, ended)
    if record["preempted"]:
        return Status(RunState.PREEMPTED, record["reason"], code, ended)
    if record["reason"]:
        return Status(RunState.LOST if record["lost"] else RunState.FAILED, record["reason"], code, ended)
    if code is None:
        return Status(RunState.LOST, "its process is gone and left no word of how it ended", None, ended)
    if code == 0:
        return Status(RunState.COMPLETED, "", 0, ended)
    if code in (TRY_AGAIN, -signal.SIGTERM, -signal.SIGINT):
        return Status(RunState.PREEMPTED, "it was told to stop before it had begun", code, ended)
    if code < 0:
        return Status(RunState.LOST, f"its process was killed by {_name(-code)}", code, ended)
    words = f"; its last words: {record['words']}" if record["words"] else ""
    return Status(RunState.FAILED, f"its process ended with exit status {code}{words}", code, ended)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
