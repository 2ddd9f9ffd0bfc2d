"""`python -m fledge_horovod.build`: Horovod for the torch that is here, from source, once."""

import argparse
import signal
import sys
from typing import NoReturn

from fledge import FledgeError

from fledge_horovod.build.build import build
from fledge_horovod.build.demands import has_mpi
from fledge_horovod.build.display import Display
from fledge_horovod.recipe.recipe import Recipe
from fledge_horovod.torch_here import torch_here


def main() -> int:
    """0 done, 1 failed, 2 a usage error, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m fledge_horovod.build",
        description="Build Horovod for the torch of this environment and install it: some five minutes on two "
        "cores, or seconds where the cache has it. Gloo is always in it.",
    )
    parser.add_argument(
        "--mpi", action=argparse.BooleanOptionalAction, help="with MPI as well [default: where mpicxx is]"
    )
    parser.add_argument(
        "--gpu", action="store_true", help="with NCCL as well; needs nvcc, and NCCL unless torch brought it"
    )
    parser.add_argument("--force", action="store_true", help="build even if the cache has it")
    words = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    display = Display()
    try:
        recipe = Recipe(torch_here(), has_mpi() if words.mpi is None else words.mpi, words.gpu)
        print(build(recipe, display, force=words.force))
    except FledgeError as error:
        display.say(f"error: {error}")
        return error.exit_status
    except KeyboardInterrupt:
        display.say("interrupted")
        return 130
    except OSError as error:
        display.say(f"error: {f'{error.filename}: ' if error.filename else ''}{error.strerror or error}")
        return 1
    return 0


def _leave(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
