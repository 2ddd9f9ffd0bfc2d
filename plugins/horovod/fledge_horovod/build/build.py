"""Build: a wheel by the recipe, from the cache or made now, into this environment."""

import os
import sys
from pathlib import Path

from fledge import RunError

from fledge_horovod.build.demands import check
from fledge_horovod.build.display import Display
from fledge_horovod.build.logged import run_logged
from fledge_horovod.build.store import Store
from fledge_horovod.build.trouble import trouble
from fledge_horovod.build.wheel import make_wheel
from fledge_horovod.installed import installed
from fledge_horovod.recipe.recipe import VERSION, Recipe


def build(recipe: Recipe, display: Display, *, force: bool = False) -> Path:
    """Installs Horovod, and returns the wheel it came from, which other machines like this one can use.

    Raises FledgeError: something is missing, the build failed, or what was built does not work here.
    """
    store = Store(recipe.key)
    what = f"Horovod {VERSION} ({recipe.kind.replace('-', ', ')}) for torch {recipe.torch.version}"
    with store.alone(lambda: display.say(f"{what}: another process builds it; waiting for that")):
        wheel = None if force else store.wheel()
        if wheel:
            display.say(f"{what}: built before, {wheel}")
        else:
            check(recipe)
            display.say(f"{what}: building it takes some minutes; the log: {store.log}")
            store.log.write_bytes(b"")
            with store.workshop() as folder:
                wheel = store.keep(make_wheel(recipe, folder, store.log, display))
        _install(wheel, store.log, display)
    found = installed()
    if found.fault:
        raise RunError(found.fault, hint=found.remedy)
    display.say(f"Horovod {found.version} is installed, with {', '.join(found.libraries)}")
    return wheel


def _install(wheel: Path, log: Path, display: Display) -> None:
    display.at("installing")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    # The same version may be there, built for another torch.
    words = ["install", "--no-index", "--no-deps", "--force-reinstall", str(wheel)]
    if run_logged([*pip, *words], dict(os.environ), log, display):
        raise trouble(log)
    display.wipe()
