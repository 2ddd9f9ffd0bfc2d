"""The conformance kit finds what is wrong: for every promise there is somebody here who breaks it, and is caught."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# Who breaks it, how, and which promise it is.
Wrongs = dict[str, tuple[str, str]]

DATASETS: Wrongs = {
    "OneClass": ("classes = ('red',)", "there_are_at_least_two_classes_with_names_of_their_own"),
    "SameNames": ("classes = ('red', 'red')", "there_are_at_least_two_classes_with_names_of_their_own"),
    "Unlabelled": (
        "def split(self, name): return [replace(s, label=s.label + 1) for s in super().split(name)]",
        "every_label_is_a_class_and_every_class_is_trained",
    ),
    "Untrained": (
        "def split(self, name): return [s for s in super().split(name) if s.label == 0]",
        "every_label_is_a_class_and_every_class_is_trained",
    ),
    "Leaking": ("def split(self, name): return super().split('train')", "splits_have_nothing_in_common"),
    "Endless": (
        "def split(self, name): return type('L', (list,), {'__getitem__': lambda s, at: list(s)[at % len(s)]})"
        "(super().split(name))",
        "samples_are_reached_by_index",
    ),
    "Grey": ("load = lambda s, edge=0: Square.load(s).convert('L')", "images_are_rgb_and_as_large_as_was_asked_for"),
    "Tiny": ("load = lambda s, edge=0: Square.load(s).resize((4, 4))if edge else Square.load(s)",
             "images_are_rgb_and_as_large_as_was_asked_for"),
    "Cropped": ("load = lambda s, edge=0: Square.load(s).crop((0, 0, 9, 20))if edge else Square.load(s)",
                "images_are_rgb_and_as_large_as_was_asked_for"),
    "Restless": ("load = lambda s, edge=0: Image.effect_noise((20, 20), 64).convert('RGB')",
                 "images_are_the_same_whenever_they_are_decoded"),
    "Unsendable": ("__reduce__ = lambda s: (_ for _ in ()).throw(TypeError('no'))",
                   "samples_can_be_sent_to_another_process"),
    "Touching": ("def __init__(self, options): Path('trace').touch(); super().__init__(options)",
                 "making_one_touches_nothing"),
    "Rewriting": ("def _prepare(self, cache, progress, warn): (cache / 'index').write_text(str(time.time_ns()))",
                  "preparing_again_changes_nothing"),
    "Nameless": ("def _prepare(self, cache, progress, warn): Filed.folder = cache", "what_cannot_be_decoded_is_named"),
}  # fmt: skip
DATASET = """
    import time
    from dataclasses import dataclass, replace
    from pathlib import Path

    import pytest
    from fledge import DataError
    from fledge.testing import DatasetContract
    from fledge.testing.offers.options import SquaresOptions
    from fledge.testing.offers.squares import Square, Squares
    from PIL import Image


    class Filed(Square):
        '''A square that is a file, and an error that names none.'''

        folder = Path()

        @property
        def path(self):
            path = self.folder / self.name.replace('/', '-')
            if not path.exists():
                Square.load(self).save(path, 'PNG')
            return path

        def load(self, edge=0):
            try:
                return Image.open(self.path).convert('RGB')
            except Exception:
                raise DataError('an image cannot be decoded') from None


    def as_told(name, base):
        '''Samples of another class, where the data set's body is about how they load.'''
        told = vars(base)
        if name == 'Nameless':
            kind = Filed
        elif not {'load', '__reduce__'} & set(told):
            return base
        else:
            kind = type(name + 'Square', (Square,), {k: told[k] for k in ('load', '__reduce__') if k in told})
            globals()[kind.__name__] = kind
            kind.__module__ = __name__
        split = base.split
        base.split = lambda self, which: [kind(**vars(one)) for one in split(self, which)]
        return base
"""

MODELS: Wrongs = {
    "Short": ("def build(self, classes): return super().build(classes[:-1])", "it_answers_with_a_logit_a_class[2]"),
    "Whimsical": ("def build(self, classes): torch.seed(); return super().build(classes)", "building_follows_the_seed"),
    "Forgetful": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module[1].insert(0, Calls()); return module",
        "its_state_comes_back_bit_for_bit",
    ),
    "Torn": ("def parts(self, module): return module[0], nn.Sequential(module[1], nn.Softmax(1))",
             "its_parts_compose_to_the_whole"),
    "Flat": ("def parts(self, module): return module[0][:-1], nn.Sequential(nn.Flatten(), module[1])",
             "its_parts_compose_to_the_whole"),
    "Copied": ("def parts(self, module): return copy.deepcopy(module[0]), module[1]", "its_parts_are_of_the_whole"),
    "Headless": ("def parts(self, module): return module, nn.Identity()", "its_parts_are_of_the_whole"),
    "Double": ("def parameter_groups(self, module): return 2 * [ParameterGroup('all', list(module.parameters()))]",
               "its_groups_have_every_parameter_once"),
    "Idle": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module.idle = nn.Parameter(torch.zeros(1)); return module",
        "everything_in_it_trains",
    ),
    "Whole": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module[1].append(Narrow()); return module",
        "it_runs_in_half_precision",
    ),
    "Branching": (
        "def build(self, classes):\n"
        "    module = super().build(classes); module[1].append(Branch()); return module",
        "it_can_be_exported",
    ),
    "Floating": ("def transforms(self, train): return lambda image: image.float()",
                 "transforms_make_images_alike[True]"),
    "Ragged": ("def transforms(self, train): return Same()", "transforms_make_images_alike[False]"),
    "Dicing": ("def transforms(self, train): return Dice(super().transforms(False))",
               "transforms_draw_from_the_global_generator_alone"),
    "Lively": ("def transforms(self, train): return super().transforms(True)",
               "transforms_draw_from_the_global_generator_alone"),
    "Secretive": ("def describe_transforms(self): return {'resize': torch.zeros(1)}",
                  "what_it_tells_of_itself_is_json"),
    "Flatter": ("def normalization(self): return (0, 0, 0), (0, 0, 0)", "what_it_tells_of_itself_is_json"),
    "Learning": ("def _prepare(self, *_): self.seed = getattr(self, 'seed', 0) + 1\n"
                 "def build(self, classes): torch.manual_seed(self.seed); return super().build(classes)",
                 "preparing_again_changes_nothing"),
}  # fmt: skip
MODEL = """
    import copy
    import random

    import pytest
    import torch
    from fledge import ParameterGroup
    from fledge.testing import ModelContract
    from fledge.testing.offers.options import SmallOptions
    from fledge.testing.offers.small import Small
    from torch import nn


    class Calls(nn.Module):
        calls = 0

        def forward(self, features):
            self.calls += self.training
            return features * (1 + self.calls)


    class Narrow(nn.Module):
        def forward(self, logits):
            return logits if logits.dtype == torch.float32 else logits / 0


    class Branch(nn.Module):
        def forward(self, logits):
            return logits if logits.sum().item() > 0 else -logits


    class Same:
        def __call__(self, image):
            return image


    class Dice:
        def __init__(self, inner):
            self.inner = inner

        def __call__(self, image):
            return self.inner(image) ^ random.randint(0, 255)
"""

REGISTRIES: Wrongs = {
    "Eager": ("def __init__(self, options, home): home.mkdir(); super().__init__(options, home)",
              "making_one_touches_nothing"),
    "Twofold": ("def register(self, run, folder, name, tags):\n"
                "    return super().register(f'{run}-{next(COUNT)}', folder, name, tags)",
                "the_same_again_is_the_same_version"),
    "Zero": ("def register(self, *told): return replace(super().register(*told), version=0)",
             "versions_count_from_one"),
    "Untagged": ("def register(self, run, folder, name, tags): return super().register(run, folder, name, {})",
                 "a_version_tells_what_it_is"),
    "Trusting": ("def fetch(self, name, version, dest):\n"
                 "    dest.mkdir(exist_ok=True)\n"
                 "    return [shutil.copy(p, dest) for p in (self.root / name / str(version)).glob('model.*')]",
                 "a_damaged_file_is_never_handed_out"),
    "Indulgent": ("def register(self, run, folder, name, tags):\n"
                  "    (folder / 'model.json').write_text('{}'); return super().register(run, folder, name, tags)",
                  "a_folder_without_a_card_is_refused"),
    "Linked": ("def fetch(self, name, version, dest):\n"
               "    for path in super().fetch(name, version, dest): path.write_bytes(b'')\n"
               "    return list(dest.iterdir())",
               "what_is_fetched_is_what_was_registered"),
    "Vague": ("def fetch(self, name, version, dest): return []", "a_version_that_is_not_there_is_an_error"),
}  # fmt: skip
REGISTRY = """
    import itertools
    import shutil
    from dataclasses import replace

    import pytest
    from fledge import Options
    from fledge.testing import RegistryContract
    from fledge_local.registry import LocalRegistry

    COUNT = itertools.count()
"""

TRACKERS: Wrongs = {
    "Littering": ("def __init__(self, options): Path('trace').touch(); super().__init__(options)",
                  "making_one_touches_nothing"),
    "Fussy": ("def record(self, events): [float(v) / 1 for e in events for v in e['values'].values()]",
              "it_takes_a_whole_run_whatever_becomes_of_it[COMPLETED]"),
    "Backwards": ("def record(self, events): super().record(events[::-1])", "what_was_recorded_is_there_in_order"),
    "Choosy": ("def record(self, events): super().record(events[:100])", "many_at_once_are_taken"),
    "Restarting": ("def start(self, run):\n"
                   "    self._file(run.id).unlink(missing_ok=True); super().start(run)",
                   "a_resumed_run_is_continued"),
    "Mingling": ("def _file(self, run): return super()._file('all')", "two_runs_keep_apart"),
}  # fmt: skip
TRACKER = """
    import sys
    from pathlib import Path

    import pytest
    import fledge.scaffold
    from fledge.testing import TrackerContract

    sys.path.append(str(Path(fledge.scaffold.__file__).parent / "templates" / "tracker"))
    from fledge_example.options import ExampleOptions
    from fledge_example.tracker import Example
"""

KINDS = {
    "dataset": (DATASET, DATASETS, "Squares", "SquaresOptions()", ""),
    "model": (MODEL, MODELS, "Small", "SmallOptions()", ""),
    "registry": (REGISTRY, REGISTRIES, "LocalRegistry", "Options()", ", home"),
    "tracker": (TRACKER, TRACKERS, "Example", "ExampleOptions(folder=Path.cwd() / 'kept')", ""),
}


def outcomes(folder: Path, code: str) -> dict[str, str]:
    """What pytest says of each test in the code, as class::test."""
    (folder / "test_wrong.py").write_text(code)
    environment = {**os.environ, "PYTEST_ADDOPTS": "", "OMP_NUM_THREADS": "1"}
    words = ["-q", "-rA", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", os.devnull, "--rootdir", folder]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *map(str, words), "test_wrong.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout
    found = {}
    for line in done.stdout.splitlines():
        outcome, _, rest = line.partition(" test_wrong.py::")
        if outcome in ("PASSED", "FAILED", "ERROR", "XFAIL"):
            found[rest.partition(" - ")[0]] = outcome
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_who_breaks_a_promise_is_caught(tmp_path: Path, kind: str) -> None:
    head, wrongs, base, options, more = KINDS[kind]
    contract = f"{kind.capitalize()}Contract"
    code = textwrap.dedent(head)
    for name, body in {"Honest": "pass", **{name: body for name, (body, _) in wrongs.items()}}.items():
        made = f"{name}({options}{more})"
        told = f"as_told({name!r}, {name})" if kind == "dataset" else name
        code += f"\n\nclass {name}({base}):\n{textwrap.indent(body, '    ')}\n\n\n{name} = {told}\n"
        code += f"\n\nclass Test{name}({contract}):\n    @pytest.fixture\n"
        code += f"    def {kind}(self{more}):\n        return {made}\n"
        # A tracker is made more than once in a test.
        code += f"\n    def another(self):\n        return {made}\n" if kind == "tracker" else ""
    found = outcomes(tmp_path, code)
    honest = {test: told for test, told in found.items() if test.startswith("TestHonest::")}
    assert set(honest.values()) == {"PASSED"}, honest
    for name, (_, promise) in wrongs.items():
        assert found[f"Test{name}::test_{promise}"] in ("FAILED", "ERROR"), (
            f"{name} was not caught: {json.dumps(found)}"
        )


def test_a_promise_can_be_broken_only_in_the_open(tmp_path: Path) -> None:
    code = """
        import pytest
        from fledge.testing import DatasetContract
        from fledge.testing.offers.options import SquaresOptions
        from fledge.testing.offers.squares import Squares


        class TestReplaced(DatasetContract):
            @pytest.fixture
            def dataset(self):
                return Squares(SquaresOptions())

            def test_samples_are_reached_by_index(self):
                pass

            test_splits_have_nothing_in_common = None

            @pytest.mark.xfail(reason="they are drawn anew each time")
            def test_images_are_the_same_whenever_they_are_decoded(self):
                raise AssertionError

            @pytest.mark.xfail
            def test_samples_can_be_sent_to_another_process(self):
                raise AssertionError

            def test_more(self):
                pass


        class TestHeir(TestReplaced):
            pass
    """
    found = outcomes(tmp_path, textwrap.dedent(code))
    for name in ("TestReplaced", "TestHeir"):
        told = {test.partition("::test_")[2]: outcome for test, outcome in found.items() if test.startswith(name)}
        assert told["samples_are_reached_by_index"] == "FAILED"
        assert told["splits_have_nothing_in_common"] == "FAILED"
        assert told["images_are_the_same_whenever_they_are_decoded"] == "XFAIL"
        assert told["samples_can_be_sent_to_another_process"] == "FAILED"
        assert told["more"] == "PASSED"
        assert told["making_one_touches_nothing"] == "PASSED"


def test_what_a_failure_compared_is_shown(tmp_path: Path) -> None:
    code = """
        import pytest
        from fledge.testing import DatasetContract
        from fledge.testing.offers.options import SquaresOptions
        from fledge.testing.offers.squares import Squares


        class TestOne(DatasetContract):
            @pytest.fixture
            def dataset(self):
                return type("One", (Squares,), {"classes": ("red",)})(SquaresOptions())
    """
    (tmp_path / "test_wrong.py").write_text(textwrap.dedent(code))
    words = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path), "-k", "two_classes"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "test_wrong.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "assert 1 >= 2" in done.stdout
    assert "len(('red',))" in done.stdout
