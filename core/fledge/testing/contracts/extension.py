"""ExtensionContract: what every extension promises."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fledge.hooks import LifecycleHooks, new_manager
from fledge.interfaces.exporter import Exporter
from fledge.testing.contracts.contract import Contract
from fledge.testing.offers import install

_TRAINING = ["--dataset", "squares", "--model", "small", "--set", "training.epochs=2"]


class ExtensionContract(Contract):
    """Held by an offer, in runs of the `fledge` command in a home of the test's own."""

    kind = "extension"

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        return tmp_path / "home"

    def fledge(self, home: Path, *words: str, status: int = 0, alone: bool = False) -> Any:
        """The outcome of `fledge run`, with the extension or `alone`: the last line of its JSON."""
        told = [f"extensions.{self._named()}.{key}={value}" for key, value in self.told.items()]
        with_it = ["--with", self._named(), *(word for one in told for word in ("--set", one))]
        site = home.parent / "site"
        path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
        if not site.exists():
            install(site)
        done = subprocess.run(
            [sys.executable, "-m", "fledge", "run", *words, *([] if alone else with_it), "--json"],
            cwd=home.parent,
            env=os.environ | {"FLEDGE_HOME": str(home), "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def test_it_listens_to_hooks_that_there_are(self) -> None:
        extension, manager = self.make(), new_manager()
        manager.register(extension)
        manager.check_pending()
        heard = [caller.name for caller in manager.get_hookcallers(extension) or ()]
        assert heard or isinstance(extension, Exporter), "it implements no lifecycle hook: is @hookimpl there?"
        assert set(heard) <= {name for name, _ in inspect.getmembers(LifecycleHooks, inspect.isfunction)}
        for name in heard:
            parameters = inspect.signature(getattr(extension, name)).parameters.values()
            assert all(p.default is p.empty for p in parameters), (
                f"{name}: a parameter with a default is never filled in"
            )

    def test_a_training_completes_with_it(self, home: Path) -> None:
        with_it = self.fledge(home, *_TRAINING)
        assert with_it["state"] == "COMPLETED"
        # It looks on: the model is the one that is trained without it.
        assert self.fledge(home, *_TRAINING, alone=True)["weights_sha256"] == with_it["weights_sha256"]

    def test_a_script_completes_with_it(self, home: Path) -> None:
        (home.parent / "script.py").write_text("print('done')")
        assert self.fledge(home, "--script", "script.py")["state"] == "COMPLETED"

    def test_a_run_that_fails_says_why_in_spite_of_it(self, home: Path) -> None:
        (home.parent / "script.py").write_text("raise SystemExit(7)")
        assert self.fledge(home, "--script", "script.py", status=1)["state"] == "FAILED"
        (run,) = (home / "runs").iterdir()
        assert "exit status 7" in (run / "journal.jsonl").read_text()
