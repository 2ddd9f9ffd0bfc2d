"""Writing a new plugin: a small distribution that works as it stands."""

import keyword
import re
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import fledge
from fledge.errors import UsageError
from fledge.hooks import Kind

_TEMPLATES = Path(__file__).parent / "templates"
# What templates import, and so cannot be called.
_TAKEN = {name for name in fledge.__all__ if name[0].isupper()} | {
    "Any",
    "Callable",
    "Field",
    "Image",
    "Path",
    "Place",
    "Tensor",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# What fledge itself does not bring along, or brings in a version of its own choice.
_NEEDS: dict[Kind, tuple[str, ...]] = {
    "dataset": ("numpy>=1.26", "pillow>=10.4", "pydantic>=2.9"),
    "model": ("pydantic>=2.9", "torch>=2.6"),
    "launcher": ("pydantic>=2.9", "torch>=2.6"),
    "registry": ("filelock>=3.16", "pydantic>=2.9"),
}


@dataclass(frozen=True)
class Names:
    """One noun throughout: the plugin `night-sky` is the class NightSky in the package fledge_night_sky."""

    name: str

    @property
    def package(self) -> str:
        return "fledge_" + self.name.replace("-", "_")

    @property
    def class_name(self) -> str:
        return "".join(part.capitalize() for part in self.name.split("-"))

    def fill(self, text: str) -> str:
        """A template's text, in which the plugin is called `example`."""
        told = {
            "fledge_example": self.package,
            "test_example": "test_" + self.name.replace("-", "_"),
            "Example": self.class_name,
            "example": self.name,
        }
        # In one pass, for a name may hold the word itself.
        return re.sub("|".join(told), lambda found: told[found[0]], text)


def write_plugin(kind: Kind, name: str, parent: Path) -> list[Path]:
    """Write the distribution `fledge-NAME` into the folder NAME below `parent`; returns its files.

    Raises UsageError for a name that cannot be one, and where there is something already.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a plugin", hint="small letters, digits and single '-', as in night-sky")
    names, folder = Names(name), parent / name
    if names.class_name in _TAKEN or keyword.iskeyword(names.class_name):
        raise UsageError(f"{name!r} would make a class {names.class_name}, and that word is taken")
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(
            f"{folder} is there already", hint="nothing was written; choose another name or folder"
        ) from None
    written = []
    try:
        for template in (_TEMPLATES / "common", _TEMPLATES / kind):
            for source in sorted(path for path in template.rglob("*") if path.is_file() and path.suffix != ".pyc"):
                target = folder / names.fill(str(source.relative_to(template)))
                target.parent.mkdir(parents=True, exist_ok=True)
                text = names.fill(source.read_text(encoding="utf-8"))
                target.write_text(_settled(text, kind) if source.name == "pyproject.toml" else text, encoding="utf-8")
                written.append(target)
    except BaseException:
        # Half a plugin is none.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return written


def _settled(pyproject: str, kind: Kind) -> str:
    major, minor = version("fledge").split(".")[:2]
    needs = (f"fledge>={major}.{minor},<{major}.{int(minor) + 1}", *_NEEDS.get(kind, ("pydantic>=2.9",)))
    quoted = ", ".join(f'"{need}"' for need in needs)
    return pyproject.replace("dependencies = []", f"dependencies = [{quoted}]").replace("the kind ", f"the {kind} ")
