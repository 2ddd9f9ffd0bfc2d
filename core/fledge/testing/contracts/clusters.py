"""ClustersContract: what every backend that has clusters promises."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fledge.errors import UsageError
from fledge.interfaces.clusters import ClusterInfo, Clusters
from fledge.testing.contracts.contract import Contract


class ClustersContract(Contract):
    """Held by an offer of a backend, or by a class that overrides `having`.

    It makes clusters, of names that nobody has, and deletes them: on a service that is paid for, that costs money and
    needs the right to. So it is no part of `fledge plugins check`. Whoever writes a backend holds it to this against a
    service of the tests' own.

    name_option  the option that names the cluster
    changes      options by which a cluster that is there is changed
    settled      options that are not what they are by default, and can never be changed of one that is there; where
                 there are none, that promise does not apply
    """

    kind = "backend"
    name_option: ClassVar[str] = "cluster"
    changes: ClassVar[Mapping[str, Any]]
    settled: ClassVar[Mapping[str, Any]] = {}

    def having(self, options: Mapping[str, Any], home: Path) -> Clusters:
        """A backend that was told these, besides what the class was; each time another one, of the same service."""
        made = self.made_with(options, home)
        assert isinstance(made, Clusters), f"{type(made).__name__} has no clusters"
        return made

    @pytest.fixture
    def name(self, tmp_path: Path) -> Iterator[str]:
        """Of no cluster that there is; there is none after the test, either."""
        name = _name("m")
        yield name
        self.named(name, tmp_path).delete_cluster(name)

    def test_one_that_is_missing_is_made(self, name: str, tmp_path: Path) -> None:
        assert self.found(name, tmp_path) is None
        said: list[str] = []
        made = self.named(name, tmp_path).ensure_cluster(3, said.append)
        assert made.name == name
        assert 0 <= made.busy <= made.nodes <= made.max_nodes
        assert made.min_nodes <= made.max_nodes
        assert made.max_nodes >= 3, "a run on three nodes has no room"
        assert said, "nobody was told that it was made"
        assert not [line for line in said if len(line.splitlines()) != 1]
        assert self.found(name, tmp_path) == _lasting(made)

    def test_a_second_call_finds_nothing_to_do(self, name: str, tmp_path: Path) -> None:
        made = self.ensured(name, tmp_path)
        said: list[str] = []
        again = self.named(name, tmp_path).ensure_cluster(1, said.append)
        assert (_lasting(again), said) == (made, [])

    def test_what_is_told_changes_it_and_what_nobody_tells_is_kept(self, name: str, tmp_path: Path) -> None:
        made = self.ensured(name, tmp_path)
        changed = self.ensured(name, tmp_path, **self.changes)
        assert changed != made, "what was told has changed nothing"
        assert self.found(name, tmp_path) == changed
        assert self.ensured(name, tmp_path) == changed
        assert self.found(name, tmp_path) == changed

    def test_it_gets_room_for_more_nodes_and_keeps_it(self, name: str, tmp_path: Path) -> None:
        made = self.ensured(name, tmp_path)
        many = made.max_nodes + 2
        grown = self.ensured(name, tmp_path, nodes=many)
        assert grown.max_nodes >= many
        assert replace(grown, max_nodes=made.max_nodes) == made
        assert self.ensured(name, tmp_path) == grown
        assert self.found(name, tmp_path) == grown

    def test_what_can_never_be_changed_is_refused(self, name: str, tmp_path: Path) -> None:
        if not self.settled:
            pytest.skip("it names no option in `settled`, so that there is none which can never be changed")
        made = self.ensured(name, tmp_path)
        with pytest.raises(UsageError):
            self.ensured(name, tmp_path, **self.settled)
        assert self.found(name, tmp_path) == made

    def test_they_are_listed_by_name(self, tmp_path: Path) -> None:
        names = [_name("z"), _name("a")]
        try:
            for name in names:
                self.ensured(name, tmp_path)
            listed = [one.name for one in self.named(names[0], tmp_path).clusters()]
        finally:
            for name in names:
                self.named(name, tmp_path).delete_cluster(name)
        assert set(names) <= set(listed)
        assert listed == sorted(listed)

    def test_one_that_is_deleted_is_gone_and_may_be_made_again(self, name: str, tmp_path: Path) -> None:
        made = self.ensured(name, tmp_path)
        self.ensured(name, tmp_path, **self.changes)
        for _ in range(2):
            self.named(name, tmp_path).delete_cluster(name)
            assert self.found(name, tmp_path) is None
        assert self.ensured(name, tmp_path) == made

    def named(self, name: str, home: Path, **options: Any) -> Clusters:
        return self.having({self.name_option: name, **options}, home)

    def ensured(self, name: str, home: Path, nodes: int = 1, **options: Any) -> ClusterInfo:
        return _lasting(self.named(name, home, **options).ensure_cluster(nodes, lambda line: None))

    def found(self, name: str, home: Path) -> ClusterInfo | None:
        listed = self.named(name, home).clusters()
        return next((_lasting(one) for one in listed if one.name == name), None)


def _name(first: str) -> str:
    """Short, of small letters and digits, and with a letter at either end: as every service takes one."""
    return f"{first}{secrets.token_hex(4)}x"


def _lasting(told: ClusterInfo) -> ClusterInfo:
    """Without what changes by itself."""
    return replace(told, state="", nodes=0, busy=0)
