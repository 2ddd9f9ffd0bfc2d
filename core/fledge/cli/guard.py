"""Guard: whatever goes wrong below a command leaves as a sentence and an exit status."""

import os
import sys
from typing import Any

from fledge.errors import FledgeError


def guarded(app: Any) -> int:
    """Runs the app; 0 done, 1 failed, 2 a usage error, 130 interrupted."""
    try:
        # Below Click's own main, which would turn an interrupt and a lost reader into something else.
        with app.make_context("fledge", sys.argv[1:]) as context:
            result = app.invoke(context)
        sys.stdout.flush()
    except FledgeError as error:
        _say(f"error: {error}")
        return error.exit_status
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        # The reader (head, less) has gone; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"error: {where}{error.strerror or error}")
        return 1
    except Exception as error:
        # Typer's own: misspelt options, missing arguments, --help.
        if not hasattr(error, "exit_code"):
            raise
        if hasattr(error, "show"):
            error.show()
        return int(error.exit_code)
    return result if isinstance(result, int) else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
