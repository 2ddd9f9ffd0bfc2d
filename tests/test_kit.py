"""The conformance kit finds what is wrong: for every promise there is somebody here who breaks it, and is caught."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.sabotage import Wrongs, hold, outcomes

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
    "Calling": ("def __init__(self, options):\n"
                "    super().__init__(options)\n"
                "    try: socket.create_connection(('127.0.0.1', 1))\n"
                "    except OSError: pass",
                "making_one_touches_nothing"),
    "Rewriting": ("def _prepare(self, cache, progress, warn): (cache / 'index').write_text(str(time.time_ns()))",
                  "preparing_again_changes_nothing"),
    "Nameless": ("def _prepare(self, cache, progress, warn): Filed.folder = cache", "what_cannot_be_decoded_is_named"),
}  # fmt: skip
DATASET = """
    import socket
    import time
    from dataclasses import dataclass, replace
    from functools import cache
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


    @cache
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

REGISTRIES: Wrongs = {
    "Eager": ("def __init__(self, options, home): home.mkdir(); super().__init__(options, home)",
              "making_one_touches_nothing"),
    "Twofold": ("def register(self, run, folder, name, tags):\n"
                "    return super().register(f'{run}-{next(COUNT)}', folder, name, tags)",
                "the_same_again_is_the_same_version"),
    "Zero": ("def register(self, *told): return replace(super().register(*told), version=0)",
             "versions_count_from_one"),
    "First": ("def set_alias(self, name, alias, version):\n"
              "    super().set_alias(name, alias, self.aliases(name).get(alias, version))",
              "an_alias_means_the_version_it_was_given_last"),
    "Untagged": ("def register(self, run, folder, name, tags): return super().register(run, folder, name, {})",
                 "a_version_tells_what_it_is"),
    "Unread": ("def versions(self, name):\n"
               "    return [replace(v, files=dict.fromkeys(v.files, '0' * 64)) for v in super().versions(name)]",
               "files_are_told_by_path_and_digest"),
    "Shallow": ("def fetch(self, name, version, dest):\n"
                "    return [p.rename(dest / p.name) for p in super().fetch(name, version, dest)]",
                "files_are_told_by_path_and_digest"),
    "Timeless": ("def versions(self, name):\n"
                 "    return [replace(v, created='2026-01-01T00:00:00+00:00') for v in super().versions(name)]",
                 "when_it_was_created_is_said"),
    "Zoneless": ("def versions(self, name):\n"
                 "    return [replace(v, created=v.created.removesuffix('+00:00')) for v in super().versions(name)]",
                 "when_it_was_created_is_said"),
    "Tidy": ("def register(self, run, folder, name, tags): return super().register('run-1', folder, name, tags)",
             "another_run_or_other_files_are_another_version"),
    "Hiding": ("def damaged(self, name): return {}", "a_damaged_version_hides_no_other"),
    "Gone": ("def versions(self, name):\n"
             "    if broken := super().damaged(name): raise list(broken.values())[0]\n"
             "    return super().versions(name)", "a_damaged_version_hides_no_other"),
    "Patchy": ("def fetch(self, name, version, dest):\n"
               "    try: return super().fetch(name, version, dest)\n"
               "    except RegistryError: return []",
               "a_missing_file_is_no_model"),
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
    from fledge import Options, RegistryError
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


@pytest.mark.parametrize(
    ("kind", "head", "wrongs", "base", "made"),
    [
        ("dataset", DATASET, DATASETS, "Squares", "as_told(NAME, KIND)(SquaresOptions())"),
        ("registry", REGISTRY, REGISTRIES, "LocalRegistry", "KIND(Options(), home)"),
        ("tracker", TRACKER, TRACKERS, "Example", "KIND(ExampleOptions(folder=Path.cwd() / 'kept'))"),
    ],
    ids=["dataset", "registry", "tracker"],
)
def test_who_breaks_a_promise_is_caught(
    tmp_path: Path, kind: str, head: str, wrongs: Wrongs, base: str, made: str
) -> None:
    hold(tmp_path, kind, head, wrongs, base, made)


def test_a_data_set_is_prepared_once_for_all_tests_that_need_no_fresh_one(tmp_path: Path) -> None:
    code = """
        from pathlib import Path

        import pytest
        from fledge.testing import DatasetContract
        from fledge.testing.offers.options import SquaresOptions
        from fledge.testing.offers.squares import Squares


        class Downloaded(Squares):
            def _prepare(self, cache, progress, warn):
                if not (cache / "download").exists():
                    (cache / "download").touch()
                    with Path(COUNT).open("a") as file:
                        file.write("x")


        class TestDownloaded(DatasetContract):
            @pytest.fixture
            def dataset(self):
                return Downloaded(SquaresOptions())
    """
    found = outcomes(tmp_path, textwrap.dedent(code).replace("COUNT", repr(str(tmp_path / "count"))))
    assert list(found.values()).count("PASSED") >= 9
    assert (tmp_path / "count").read_text() == "x"


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
