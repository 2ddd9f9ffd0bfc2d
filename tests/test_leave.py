"""A worker's end leaves out nothing that somebody asked for."""

import subprocess
import sys

PROGRAM = """
import atexit, threading, time
from fledge.worker.leave import leave

def late():
    time.sleep(0.2)
    print("a thread's last words")

atexit.register(print, "registered first", end="")
atexit.register(lambda: 1 / 0)
atexit.register(print, "registered last")
threading.Thread(target=late).start()
leave(75)
"""


def test_threads_are_waited_for_then_exit_handlers_called_and_all_is_written() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout == "a thread's last words\nregistered last\nregistered first"
    assert "ZeroDivisionError" in done.stderr
    assert done.returncode == 75
