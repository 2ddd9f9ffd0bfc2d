"""DatasetContract: what every Dataset promises."""

import json
import pickle
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fledge.errors import DataError
from fledge.interfaces.dataset import SPLITS, Dataset, Sample
from fledge.testing.contracts.contract import Contract, files_below

_PREPARE = (
    "from pathlib import Path\n"
    "kind, options = make(); dataset = kind(options)\n"
    "dataset.prepare(Path(sys.argv[1]), warn=lambda line: None)\n"
    "told = [[s.name, s.label, s.fingerprint] for split in ('train', 'val') for s in dataset.split(split)]\n"
    "print(json.dumps([list(dataset.classes), told]))\n"
)
# Each goes on with what the one before has left.
_KILLED = (
    "from pathlib import Path\n"
    "from fledge.testing.cut_off import cut_off\n"
    "kind, options = make()\n"
    "def prepare(number):\n"
    "    cache = Path(sys.argv[1], 'killed' if number else 'whole')\n"
    "    kind(options).prepare(cache, warn=lambda line: None)\n"
    "print(json.dumps(cut_off(prepare, spread=4)))\n"
)
_LOOKED_AT = 4


class DatasetContract(Contract):
    """Held by an offer, or by a fixture `dataset` that returns a data set not yet prepared.

    Everything happens in caches of the tests' own. One is shared, so that a download is made once; what is tried from
    an empty one has another. Of its images the first few of each split are decoded.
    """

    kind = "dataset"
    _shared: ClassVar[Path]

    @pytest.fixture
    def dataset(self) -> Dataset:
        made: Dataset = self.make()
        return made

    @pytest.fixture
    def cache(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        # One for the class, and not for those that inherit from it: they may have other options.
        if "_shared" not in vars(type(self)):
            type(self)._shared = tmp_path_factory.mktemp("cache")
        return self._shared

    @pytest.fixture
    def prepared(self, dataset: Dataset, cache: Path) -> Dataset:
        return self.prepare(dataset, cache)

    def prepare(self, dataset: Dataset, cache: Path) -> Dataset:
        dataset.prepare(cache, warn=lambda line: None)
        return dataset

    def corrupt(self, sample: Sample, cache: Path) -> bool:
        """Damage the file behind a sample; False where that cannot be done. Never a file outside of the cache."""
        path = getattr(sample, "path", None)
        if not isinstance(path, Path) or not path.resolve().is_relative_to(cache.resolve()):
            return False
        path.write_bytes(path.read_bytes()[:40])
        return True

    def test_making_one_touches_nothing(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        with self.untouched(tmp_path / "empty"):
            request.getfixturevalue("dataset")

    def test_there_are_at_least_two_classes_with_names_of_their_own(self, prepared: Dataset) -> None:
        classes = prepared.classes
        assert len(classes) >= 2
        assert len(set(classes)) == len(classes)
        assert all(isinstance(name, str) and name for name in classes)

    def test_every_label_is_a_class_and_every_class_is_trained(self, prepared: Dataset) -> None:
        for split in SPLITS:
            labels = {sample.label for sample in prepared.split(split)}
            assert labels, f"split {split} is empty"
            assert labels <= set(range(len(prepared.classes))), f"labels of split {split}"
        assert {sample.label for sample in prepared.split("train")} == set(range(len(prepared.classes)))

    def test_samples_are_reached_by_index(self, prepared: Dataset) -> None:
        for split in SPLITS:
            samples = prepared.split(split)
            assert [samples[at].name for at in range(len(samples))] == [sample.name for sample in samples]
            with pytest.raises(IndexError):
                samples[len(samples)]

    def test_splits_have_nothing_in_common(self, prepared: Dataset) -> None:
        train, val = ({sample.fingerprint for sample in prepared.split(split)} for split in SPLITS)
        assert not train & val, "images of the split train are in the split val too"

    def test_images_are_rgb_and_as_large_as_was_asked_for(self, prepared: Dataset) -> None:
        for sample in self.some(prepared):
            whole, small = sample.load(), sample.load(edge=8)
            assert whole.mode == small.mode == "RGB"
            assert min(whole.size) >= min(small.size) >= min(8, *whole.size)
            # Shrunk, and not cut.
            assert abs(whole.width / whole.height - small.width / small.height) <= 0.1 * whole.width / whole.height

    def test_images_are_the_same_whenever_they_are_decoded(self, prepared: Dataset) -> None:
        for sample in self.some(prepared):
            assert sample.load().tobytes() == sample.load().tobytes()

    def test_samples_can_be_sent_to_another_process(self, prepared: Dataset) -> None:
        for sample in self.some(prepared):
            again = pickle.loads(pickle.dumps(sample))  # noqa: S301 -- what it made itself
            assert (again.name, again.label, again.fingerprint) == (sample.name, sample.label, sample.fingerprint)
            assert again.load().tobytes() == sample.load().tobytes()

    def test_preparing_again_changes_nothing(self, prepared: Dataset, cache: Path) -> None:
        before, told = files_below(cache), self.content(prepared)
        assert self.content(self.prepare(prepared, cache)) == told
        assert files_below(cache) == before

    def test_another_process_sees_the_same(self, prepared: Dataset, cache: Path) -> None:
        assert self.elsewhere(_PREPARE, cache) == self.content(prepared)

    def test_from_an_empty_cache_it_is_the_same(self, prepared: Dataset, tmp_path: Path) -> None:
        assert self.elsewhere(_PREPARE, tmp_path / "another") == self.content(prepared)

    def test_a_kill_while_it_is_prepared_costs_nothing(self, prepared: Dataset, tmp_path: Path) -> None:
        if not any(self.elsewhere(_KILLED, tmp_path)):
            pytest.skip("nobody can see what it does, so there is no half of it")
        assert self.elsewhere(_PREPARE, tmp_path / "killed") == self.content(prepared)

    def test_what_cannot_be_decoded_is_named(self, prepared: Dataset, cache: Path) -> None:
        sample = prepared.split("train")[0]
        if not self.corrupt(sample, cache):
            pytest.skip("its images are no files in the cache: to have this proved, override `corrupt`")
        try:
            with pytest.raises(DataError) as raised:
                sample.load()
        finally:
            # Whoever comes next has it made anew.
            shutil.rmtree(cache, ignore_errors=True)
        assert Path(sample.name).name in raised.value.message

    def some(self, dataset: Dataset) -> Iterator[Sample]:
        for split in SPLITS:
            yield from islice(iter(dataset.split(split)), _LOOKED_AT)

    def content(self, dataset: Dataset) -> Any:
        """As JSON would have it: the classes, and of each sample name, label and fingerprint."""
        samples = [[s.name, s.label, s.fingerprint] for split in SPLITS for s in dataset.split(split)]
        return json.loads(json.dumps([list(dataset.classes), samples]))
