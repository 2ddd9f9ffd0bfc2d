"""A fresh environment to install into, which has what the tests' own has."""

import os
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NewEnvironment:
    """A virtual environment: what is installed here is seen nowhere else. `pip`, `fledge` and `pytest` are its own."""

    folder: Path
    variables: dict[str, str]

    @classmethod
    def make(cls, folder: Path, variables: dict[str, str]) -> "NewEnvironment":
        venv.create(folder, with_pip=False, symlinks=True)
        site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
        # Not by a path alone: the tests' packages are installed in place, by .pth files that have to be read too.
        (site / "tests-own.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        for command in ("pip", "fledge", "pytest"):
            script = folder / "bin" / command
            script.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m {command} "$@"\n')
            script.chmod(0o755)
        # Built by the tools that are here, from nothing but what is here.
        pip = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_QUIET": "1"}
        path = f"{folder}/bin{os.pathsep}{os.environ['PATH']}"
        kept = {key: value for key, value in variables.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return cls(folder, {**kept, **pip, "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})

    def __call__(self, command: str, cwd: Path, status: int = 0) -> str:
        """What a shell line prints, errors included; it must end with that exit status."""
        done = subprocess.run(
            ["/bin/sh", "-ec", command],
            cwd=cwd,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=-1,
            stderr=-2,
            text=True,
        )
        assert done.returncode == status, f"$ {command}\nexit status {done.returncode}\n{done.stdout}"
        assert "Traceback" not in done.stdout or status, done.stdout
        return done.stdout
