"""What a person should know of a folder of images though it does not stop the run."""

from collections.abc import Callable, Mapping, Sequence

from fledge.data.examination import Examined
from fledge.data.image_file import ImageFile
from fledge.data.judgement import Judgement
from fledge.data.layout import Layout
from fledge.interfaces.dataset import Split

Warn = Callable[[str], None]
_EXAMPLES = 3


def tell_left_out(judgement: Judgement, layout: Layout, warn: Warn) -> None:
    if judgement.broken:
        warn(f"left out {len(judgement.broken)} that cannot be used: {_some(judgement.broken, '; ')}")
    for kind, lacks in judgement.classes_amiss:
        fate = "it is trained but not validated" if kind in judgement.classes else "it is left out"
        warn(f"class {kind!r} {lacks}: {fate}")
    if layout.strays:
        warn(f"not used, because they are in no class folder: {len(layout.strays)} file(s): {_some(layout.strays)}")


def tell_odd(examined: Mapping[str, Examined], warn: Warn) -> None:
    """One line for all of them."""
    odd: dict[str, list[str]] = {}
    for name, one in examined.items():
        for word in one.odd:
            odd.setdefault(word, []).append(name)
    if odd:
        told = "; ".join(f"{len(names)} {word} ({_some(names)})" for word, names in sorted(odd.items()))
        warn(f"used after conversion to upright RGB: {told}")


def tell_leaks(samples: Mapping[Split, Sequence[ImageFile]], warn: Warn) -> None:
    train = {sample.fingerprint: sample.name for sample in samples["train"]}
    pairs = [f"{one.name} is {train[one.fingerprint]}" for one in samples["val"] if one.fingerprint in train]
    if pairs:
        warn(
            f"{len(pairs)} validation image(s) are among the training images too, which flatters the accuracy: "
            + _some(pairs)
        )


def _some(words: Sequence[str], separator: str = ", ") -> str:
    return separator.join(words[:_EXAMPLES]) + (f"{separator}..." if len(words) > _EXAMPLES else "")
