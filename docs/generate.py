"""Writes docs/hooks/: a page a hook, from the hook specifications themselves, and one for each interface besides.

python docs/generate.py [FOLDER]
"""

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import fledge
from fledge.hooks import KINDS, LifecycleHooks, OfferHooks

_INTERFACES = {
    "dataset": "Dataset",
    "model": "Model",
    "backend": "ComputeBackend",
    "launcher": "Launcher",
    "tracker": "Tracker",
    "registry": "Registry",
}
# What an extension or a backend may be besides.
_BESIDES = {"exporter": "Exporter", "clusters": "Clusters", "deployer": "Deployer", "sweeper": "Sweeper"}
_FOR_TYPES = {"Module": "from torch.nn import Module"}


def pages() -> dict[str, str]:
    """Markdown by file name."""
    hooks = [
        hook for holder in (OfferHooks, LifecycleHooks) for hook in vars(holder).values() if inspect.isfunction(hook)
    ]
    made = {f"{hook.__name__}.md": "\n".join(_page(hook)).rstrip() + "\n" for hook in hooks}
    for name, interface in _BESIDES.items():
        lines = "\n".join(_interface(getattr(import_module("fledge"), interface), heading="#"))
        made[f"{name}.md"] = lines.rstrip() + "\n"
    index = [f"- [{hook.__name__}]({hook.__name__}.md): {_first(hook)}" for hook in hooks]
    index += ["", "What an extension or a backend may be besides:", ""]
    index += [
        f"- [fledge.{interface}]({name}.md): {_first(getattr(import_module('fledge'), interface))}"
        for name, interface in _BESIDES.items()
    ]
    made["README.md"] = "\n".join(["# Hooks", "", "Made by `python docs/generate.py`.", "", *index]) + "\n"
    return made


def _page(hook: Any) -> Iterator[str]:
    signature = inspect.signature(hook)
    taken = ", ".join(_short(one) for name, one in signature.parameters.items() if name != "self")
    returned = _short(signature.return_annotation)
    yield f"# {hook.__name__}"
    yield ""
    yield inspect.getdoc(hook) or ""
    yield ""
    if hook.__name__ == KINDS["extension"]:
        told = [one.__name__ for one in vars(LifecycleHooks).values() if inspect.isfunction(one)]
        yield f"The lifecycle hooks: {', '.join(f'[{name}]({name}.md)' for name in told)}."
        yield "An exporter is an extension too: [fledge.Exporter](exporter.md)."
        yield ""
    if hook.__name__ == KINDS["backend"]:
        besides = [(name, _BESIDES[name]) for name in ("clusters", "deployer", "sweeper")]
        yield f"Each has its page: {', '.join(f'[fledge.{interface}]({name}.md)' for name, interface in besides)}."
        yield ""
    yield "```python"
    yield from _imports(f"{taken} {returned}")
    yield from ("", "")
    yield "@hookimpl"
    yield f"def {hook.__name__}({taken}) -> {returned}: ..."
    yield "```"
    yield ""
    if taken:
        yield "Take the parameters you need, by these names. One with a default is refused: it is never filled in."
    for kind, name in KINDS.items():
        if name == hook.__name__ and kind in _INTERFACES:
            yield from _interface(getattr(import_module("fledge"), _INTERFACES[kind]))


def _imports(told: str) -> Iterator[str]:
    """What names in a signature come from."""
    words = set(re.findall(r"\b[A-Z]\w+", told))
    yield f"from fledge import {', '.join([*sorted(words & set(fledge.__all__)), 'hookimpl'])}"
    yield from (_FOR_TYPES[word] for word in sorted(words & set(_FOR_TYPES)))


def _interface(interface: Any, heading: str = "##") -> Iterator[str]:
    yield f"{heading} fledge.{interface.__name__}"
    yield ""
    yield inspect.getdoc(interface) or ""
    for name, member in vars(interface).items():
        told = member.fget if isinstance(member, property) else member
        if not inspect.isfunction(told) or (name.startswith("_") and name not in interface.__abstractmethods__):
            continue
        abstract = " (yours to write)" if name in interface.__abstractmethods__ else ""
        yield ""
        yield f"{heading}# {name}{abstract}"
        yield ""
        yield f"`{name}{_short(inspect.signature(told))}`" if not isinstance(member, property) else "A property."
        document = inspect.getdoc(told) if told.__doc__ else None
        if document:
            yield ""
            yield document


def _short(annotation: Any) -> str:
    """Without the modules that names come from, and without the quotes of names; a function by its name."""
    told = re.sub(r"<(?:built-in )?function (\w+)[^>]*>", r"\1", str(annotation))
    parts = re.split(r"(Literal\[[^\]]*\])", re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", told))
    return "".join(part if part.startswith("Literal[") else part.replace("'", "") for part in parts)


def _first(documented: Any) -> str:
    """The first paragraph, in one line."""
    return " ".join((inspect.getdoc(documented) or "").partition("\n\n")[0].split())


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "hooks"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
