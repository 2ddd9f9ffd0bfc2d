"""Writes docs/hooks/: a page a hook, from the hook specifications themselves.

python docs/generate.py [FOLDER]
"""

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from fledge.hooks import KINDS, LifecycleHooks, OfferHooks

_INTERFACES = {
    "dataset": "Dataset",
    "model": "Model",
    "backend": "ComputeBackend",
    "launcher": "Launcher",
    "tracker": "Tracker",
    "registry": "Registry",
}


def pages() -> dict[str, str]:
    """Markdown by file name."""
    hooks = [
        hook for holder in (OfferHooks, LifecycleHooks) for hook in vars(holder).values() if inspect.isfunction(hook)
    ]
    made = {f"{hook.__name__}.md": "\n".join(_page(hook)).rstrip() + "\n" for hook in hooks}
    index = [f"- [{hook.__name__}]({hook.__name__}.md): {_first(hook)}" for hook in hooks]
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
    yield "```python"
    yield f"from fledge import {'Offer, ' if hook.__name__ in KINDS.values() else ''}hookimpl"
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


def _interface(interface: Any) -> Iterator[str]:
    yield f"## fledge.{interface.__name__}"
    yield ""
    yield inspect.getdoc(interface) or ""
    for name, member in vars(interface).items():
        told = member.fget if isinstance(member, property) else member
        if not inspect.isfunction(told) or (name.startswith("_") and name not in interface.__abstractmethods__):
            continue
        abstract = " (yours to write)" if name in interface.__abstractmethods__ else ""
        yield ""
        yield f"### {name}{abstract}"
        yield ""
        yield f"`{name}{_short(inspect.signature(told))}`" if not isinstance(member, property) else "A property."
        document = inspect.getdoc(told) if told.__doc__ else None
        if document:
            yield ""
            yield document


def _short(annotation: Any) -> str:
    """Without the modules that names come from, and without quotes; a function by its name."""
    told = re.sub(r"<(?:built-in )?function (\w+)[^>]*>", r"\1", str(annotation))
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", told).replace("'", "")


def _first(hook: Any) -> str:
    return (inspect.getdoc(hook) or "").partition("\n")[0]


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "hooks"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
