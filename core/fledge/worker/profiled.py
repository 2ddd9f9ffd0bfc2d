"""What a profiled run tells of its time."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch

from fledge.interfaces.run import RunInfo
from fledge.profiling import Profile, begin
from fledge.runs.reporter import Reporter
from fledge.runs.summary import profile_lines
from fledge.spec.training import TrainingSpec


@contextmanager
def profiled(spec: TrainingSpec, run: RunInfo, report: Reporter) -> Iterator[None]:
    """A context whose profile, where the spec asks for one, goes to journal, log and outputs, however it ends."""
    if spec.profile == "off":
        yield
        return
    age = time.time() - psutil.Process().create_time()
    profile = Profile(time.perf_counter() - age, trace=spec.profile == "trace", synchronize=_synchronize)
    begin(profile)
    try:
        yield
    finally:
        begin(None)
        rows = profile.rows()
        for line in profile_lines(rows):
            report.say(line)
        try:
            report.journal.write("profile", rows=rows)
            if spec.profile == "trace":
                (run.outputs / "trace.json").write_text(json.dumps(profile.chrome()))
        except OSError as error:
            # Whatever ended the run is what its person has to hear of.
            report.say(f"the profile could not be kept: {error.strerror or error}")


def _synchronize() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
