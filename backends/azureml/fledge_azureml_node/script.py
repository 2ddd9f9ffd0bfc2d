"""`python fledge_azureml_node/script.py WORDS`: the node program, for a service that starts files alone.

That is HyperDrive by SDK v1, which tells no values to a job that is started by a command.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    # As -m has it: what is imported lies beside this package, and nothing in it is found by another name.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    runpy.run_module("fledge_azureml_node", run_name="__main__", alter_sys=True)
