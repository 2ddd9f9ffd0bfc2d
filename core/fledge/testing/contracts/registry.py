"""RegistryContract: what every Registry promises."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fledge.errors import FledgeError, RegistryError
from fledge.interfaces.registry import ModelVersion, Registry
from fledge.testing.contracts.contract import Contract

_REGISTER = (
    "from pathlib import Path\n"
    "from fledge.testing.at_once import at_once\n"
    "from fledge.testing.cut_off import cut_off\n"
    "kind, options = make()\n"
    "home, folder = map(Path, sys.argv[1:])\n"
    "def register(number):\n"
    "    return kind(options, home).register(f'run-{number}', folder / str(number), 'birds', {}).version\n"
)
_AT_ONCE = 10
# More folders than moments to be killed at.
_SPREAD, _LAST = 8, 4


class RegistryContract(Contract):
    """Held by an offer, or by a fixture `registry` with a home of the test's own.

    Every registration is of a file of weights and its card. A registry on a server has one of the test's own.
    """

    kind = "registry"

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        return tmp_path / "home"

    @pytest.fixture
    def registry(self, home: Path) -> Registry:
        made: Registry = self.make(home)
        return made

    def trained(self, folder: Path, content: bytes = b"weights") -> Path:
        """A folder as a finished run hands it over."""
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(content)
        card = {"file": "model.safetensors", "classes": ["ä", "b"], "metrics": {"val_accuracy": 0.75}}
        (folder / "model.json").write_text(json.dumps(card))
        return folder

    def damage(self, version: ModelVersion, home: Path, content: bytes) -> bool:
        """Change a kept file; False where that cannot be done."""
        kept = [path for path in home.rglob("*") if path.is_file() and path.read_bytes() == content]
        for path in kept:
            path.chmod(0o644)
            path.write_bytes(content[::-1])
        return bool(kept)

    def lose(self, version: ModelVersion, home: Path, content: bytes) -> bool:
        """Remove a kept file; False where that cannot be done."""
        kept = [path for path in home.rglob("*") if path.is_file() and path.read_bytes() == content]
        for path in kept:
            path.unlink()
        return bool(kept)

    def test_making_one_touches_nothing(self, registry: Registry, home: Path) -> None:
        assert not home.exists()

    def test_versions_count_from_one(self, registry: Registry, tmp_path: Path) -> None:
        assert registry.names() == []
        assert registry.versions("birds") == []
        for number in (1, 2, 3):
            folder = self.trained(tmp_path / str(number), bytes([number]) * 9)
            assert registry.register(f"run-{number}", folder, "birds", {}).version == number
        assert [version.version for version in registry.versions("birds")] == [1, 2, 3]
        assert registry.register("run-4", self.trained(tmp_path / "ants"), "ants", {}).version == 1
        assert registry.names() == ["ants", "birds"]

    def test_a_version_tells_what_it_is(self, registry: Registry, tmp_path: Path) -> None:
        tags: Mapping[str, str] = {"colour": "grün", "empty": ""}
        made = registry.register("run-1", self.trained(tmp_path / "one"), "birds", tags)
        (found,) = registry.versions("birds")
        assert found == made
        assert (found.name, found.run, found.tags) == ("birds", "run-1", tags)
        assert found.card["classes"] == ["ä", "b"]
        assert set(found.files) == {"model.safetensors", "model.json"}

    def test_files_are_told_by_path_and_digest(self, registry: Registry, tmp_path: Path) -> None:
        folder = self.trained(tmp_path / "one")
        (folder / "tief").mkdir()
        (folder / "tief" / "ü.txt").write_bytes(b"")
        digests = {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert dict(registry.register("run-1", folder, "birds", {}).files) == digests
        (found,) = registry.versions("birds")
        assert dict(found.files) == digests
        registry.fetch("birds", found.version, tmp_path / "fetched")
        assert (tmp_path / "fetched" / "tief" / "ü.txt").read_bytes() == b""

    def test_when_it_was_created_is_said(self, registry: Registry, tmp_path: Path) -> None:
        began = datetime.now(UTC)
        for number in range(3):
            registry.register(f"run-{number}", self.trained(tmp_path / str(number)), "birds", {})
        told = [datetime.fromisoformat(version.created) for version in registry.versions("birds")]
        assert all(one.utcoffset() == timedelta(0) for one in told), "not UTC"
        # Some say it to the second.
        assert began.replace(microsecond=0) <= told[0]
        assert told == sorted(told)
        assert told[-1] <= datetime.now(UTC)

    def test_the_same_again_is_the_same_version(self, registry: Registry, tmp_path: Path) -> None:
        folder = self.trained(tmp_path / "one")
        first = registry.register("run-1", folder, "birds", {"stage": "test"})
        assert registry.register("run-1", folder, "birds", {}).version == first.version
        # It says what is kept, for whoever asked for something else to be told.
        again = registry.register("run-1", folder, "birds", {"stage": "production"})
        (kept,) = registry.versions("birds")
        assert (again.version, again.tags) == (first.version, kept.tags)
        assert kept.tags == {"stage": "test"}

    def test_another_run_or_other_files_are_another_version(self, registry: Registry, tmp_path: Path) -> None:
        folder = self.trained(tmp_path / "one")
        assert registry.register("run-1", folder, "birds", {}).version == 1
        assert registry.register("run-2", folder, "birds", {}).version == 2
        (folder / "model.safetensors").write_bytes(b"heavier")
        assert registry.register("run-2", folder, "birds", {}).version == 3
        # And still, the first is the first.
        assert registry.register("run-1", self.trained(tmp_path / "again"), "birds", {}).version == 1
        assert [version.run for version in registry.versions("birds")] == ["run-1", "run-2", "run-2"]

    def test_what_is_fetched_is_what_was_registered(self, registry: Registry, tmp_path: Path) -> None:
        content = bytes(range(256)) * 4096
        folder = self.trained(tmp_path / "one", content)
        version = registry.register("run-1", folder, "birds", {})
        # A version is its own: what becomes of the folder is no matter.
        (folder / "model.safetensors").write_bytes(b"")
        for _ in range(2):
            fetched = registry.fetch("birds", version.version, tmp_path / "fetched")
            assert {path.name for path in fetched} == {"model.safetensors", "model.json"}
            assert (tmp_path / "fetched" / "model.safetensors").read_bytes() == content

    def test_a_version_that_is_not_there_is_an_error(self, registry: Registry, tmp_path: Path) -> None:
        registry.register("run-1", self.trained(tmp_path / "one"), "birds", {})
        for name, version in (("birds", 2), ("bees", 1)):
            with pytest.raises(FledgeError):
                registry.fetch(name, version, tmp_path / "fetched")

    def test_a_damaged_file_is_never_handed_out(self, registry: Registry, home: Path, tmp_path: Path) -> None:
        content = b"weights of some length" * 999
        version = registry.register("run-1", self.trained(tmp_path / "one", content), "birds", {})
        if not self.damage(version, home, content):
            pytest.skip("its files are not below fledge's home: to have this proved, override `damage`")
        with pytest.raises(RegistryError):
            registry.fetch("birds", version.version, tmp_path / "fetched")

    def test_an_alias_means_the_version_it_was_given_last(self, registry: Registry, home: Path, tmp_path: Path) -> None:
        for number in (1, 2):
            registry.register(f"run-{number}", self.trained(tmp_path / str(number), bytes([number])), "birds", {})
        assert registry.aliases("birds") == registry.aliases("bees") == {}
        registry.set_alias("birds", "production", 2)
        registry.set_alias("birds", "production", 1)
        registry.set_alias("birds", "next-1.0", 2)
        assert type(registry)(registry.options, home).aliases("birds") == {"production": 1, "next-1.0": 2}
        with pytest.raises(RegistryError):
            registry.set_alias("birds", "production", 3)
        assert registry.aliases("birds") == {"production": 1, "next-1.0": 2}
        assert [version.version for version in registry.versions("birds")] == [1, 2]

    def test_an_alias_that_many_give_at_once_means_one_of_theirs(
        self, registry: Registry, home: Path, tmp_path: Path
    ) -> None:
        for number in range(_AT_ONCE):
            registry.register(f"run-{number}", self.trained(tmp_path / str(number), bytes([number])), "birds", {})
        code = (
            "from pathlib import Path\n"
            "from fledge.testing.at_once import at_once\n"
            "kind, options = make()\n"
            "home = Path(sys.argv[1])\n"
            "def give(number):\n"
            "    registry = kind(options, home)\n"
            "    for _ in range(20):\n"
            "        registry.set_alias('birds', 'production', 1 + number)\n"
            f"        assert 1 <= registry.aliases('birds')['production'] <= {_AT_ONCE}\n"
            "    return 'given'\n"
            f"print(json.dumps(at_once(give, {_AT_ONCE})))"
        )
        assert self.elsewhere(code, home) == ["given"] * _AT_ONCE
        assert list(registry.aliases("birds")) == ["production"]
        assert 1 <= registry.aliases("birds")["production"] <= _AT_ONCE

    def test_a_damaged_version_hides_no_other(self, registry: Registry, home: Path, tmp_path: Path) -> None:
        def add(number: int) -> ModelVersion:
            folder = self.trained(tmp_path / str(number), bytes([number]) * 9)
            (folder / "model.json").write_text(json.dumps({"file": "model.safetensors", "classes": [str(number)]}))
            return registry.register(f"run-{number}", folder, "birds", {})

        _, second, _ = (add(number) for number in (1, 2, 3))
        registry.set_alias("birds", "production", 3)
        if not self.damage(second, home, (tmp_path / "2" / "model.json").read_bytes()):
            pytest.skip("its cards are not below fledge's home: to have this proved, override `damage`")
        whole, damaged = [version.version for version in registry.versions("birds")], registry.damaged("birds")
        # A card that is kept elsewhere too may be as good as ever.
        assert sorted([*whole, *damaged]) == [1, 2, 3]
        assert set(damaged) <= {2}
        assert all(isinstance(error, RegistryError) for error in damaged.values())
        assert registry.names() == ["birds"]
        assert registry.aliases("birds") == {"production": 3}
        registry.fetch("birds", 1, tmp_path / "fetched")
        assert (tmp_path / "fetched" / "model.safetensors").read_bytes() == bytes([1]) * 9
        assert add(4).version == 4

    def test_a_missing_file_is_no_model(self, registry: Registry, home: Path, tmp_path: Path) -> None:
        content = b"weights of some length" * 999
        version = registry.register("run-1", self.trained(tmp_path / "one", content), "birds", {})
        if not self.lose(version, home, content):
            pytest.skip("its files are not below fledge's home: to have this proved, override `lose`")
        with pytest.raises(RegistryError):
            registry.fetch("birds", version.version, tmp_path / "fetched")

    def test_a_folder_without_a_card_is_refused(self, registry: Registry, tmp_path: Path) -> None:
        folder = self.trained(tmp_path / "one")
        (folder / "model.json").unlink()
        with pytest.raises(RegistryError):
            registry.register("run-1", folder, "birds", {})
        assert registry.versions("birds") == []

    def test_many_at_once_get_versions_of_their_own(self, registry: Registry, home: Path, tmp_path: Path) -> None:
        for number in range(_AT_ONCE):
            self.trained(tmp_path / "trained" / str(number), bytes([number]) * 9)
        code = f"{_REGISTER}print(json.dumps([int(version) for version in at_once(register, {_AT_ONCE})]))"
        told = self.elsewhere(code, home, tmp_path / "trained")
        assert sorted(told) == list(range(1, _AT_ONCE + 1))
        # And this process, which wrote none of them, sees them all.
        kept = {version.run: version.version for version in registry.versions("birds")}
        assert kept == {f"run-{number}": version for number, version in enumerate(told)}

    def test_a_kill_while_one_is_registered_leaves_no_half(
        self, registry: Registry, home: Path, tmp_path: Path
    ) -> None:
        for number in range(1 + _SPREAD + _LAST):
            self.trained(tmp_path / "trained" / str(number), bytes([number]) * (1 << 20))
        code = f"{_REGISTER}print(json.dumps(cut_off(register, spread={_SPREAD}, last={_LAST})))"
        assert any(self.elsewhere(code, home, tmp_path / "trained")), "it was registered each time before it was killed"
        # Whole, or not there.
        for version in registry.versions("birds"):
            (weights,) = (
                path.read_bytes()
                for path in registry.fetch("birds", version.version, tmp_path / str(version.version))
                if path.suffix == ".safetensors"
            )
            assert weights == bytes([int(version.run.removeprefix("run-"))]) * (1 << 20)
        after = registry.register("run-after", self.trained(tmp_path / "after"), "birds", {})
        numbers = [version.version for version in registry.versions("birds")]
        # One that was begun may have used up a number.
        assert numbers == sorted(set(numbers))
        assert numbers[0] == 1
        assert numbers[-1] == after.version
