"""`python -m fledge_horovod.mpirun PROCESSES ARGV...`: executes ARGV once a rank by mpirun, and ends as they do."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

# Fledge's own (fledge.launchers.first_failure): which rank failed first, for the others.
_FIRST_FAILURE = ".first-failure.json"


def main() -> int:
    processes, argv = sys.argv[1], sys.argv[2:]
    argv = [sys.executable, *argv[1:]] if argv[0] == "python" else argv
    mpirun = shutil.which("mpirun")
    if mpirun is None:
        print(
            "error: there is no mpirun here, which launcher.mpi = true needs\n"
            "  install Open MPI (Debian: apt-get install openmpi-bin libopenmpi-dev), and then: "
            "python -m fledge_horovod.build --mpi; or leave launcher.mpi out",
            flush=True,
        )
        return 2
    folder = os.environ.get("FLEDGE_RUN_DIR")
    if folder:
        # Of an earlier try, which these would take for one of theirs.
        (Path(folder) / _FIRST_FAILURE).unlink(missing_ok=True)
    # A thread for each core they share: more would wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, _cores() // int(processes))))
    # More processes than cores are slow, and no error; and in a container the user is root.
    options = ["-np", processes, "--oversubscribe", "--allow-run-as-root", "--tag-output", "--bind-to", "none"]
    exported = [word for name in os.environ if name.isidentifier() for word in ("-x", name)]
    job = subprocess.Popen([mpirun, *options, *exported, *argv])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: job.send_signal(signal.SIGTERM))
    return job.wait()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
