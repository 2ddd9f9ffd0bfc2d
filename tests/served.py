"""`fledge serve` as a process, and a client for it."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from tests.conftest import Fledge


@contextmanager
def served(
    fledge: "Fledge",
    model: str,
    *words: str,
    program: Sequence[str] = ("-m", "fledge", "serve"),
    ulimit: str = "",
    **environment: str,
) -> "Iterator[tuple[httpx.Client, subprocess.Popen[str]]]":
    """`ulimit`: the shell's words for what it may not exceed."""
    limited = ["sh", "-c", f'ulimit {ulimit} && exec "$@"', "sh"] if ulimit else []
    process = subprocess.Popen(
        [*limited, sys.executable, *program, model, "--port", "0", *words],
        cwd=fledge.folder,
        env=fledge.environment | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert f"{model} answers at http://" in line, line + process.stderr.read()
        with httpx.Client(base_url=line.split()[-1], timeout=60) as client:
            yield client, process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
