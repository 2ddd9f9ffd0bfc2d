"""The contract of clusters passes those that keep their promises, and finds what is wrong with every other."""

import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fledge import Clusters
from fledge.testing import ClustersContract

from tests import barns
from tests.sabotage import Wrongs, breaking, caught, outcomes, subclasses


class TestBarns(ClustersContract):
    changes = {"idle_seconds": 60}
    settled = {"size": "large"}

    def having(self, options: Mapping[str, Any], home: Path) -> Clusters:
        return barns.Barns(barns.BarnOptions(**options))


BARNS: Wrongs = {
    "Boasting": (
        "def ensure_cluster(self, nodes, say):\n"
        "    made = super().ensure_cluster(nodes, say)\n"
        "    self.delete_cluster(made.name)\n"
        "    return made",
        "one_that_is_missing_is_made",
    ),
    "Silent": (
        "def ensure_cluster(self, nodes, say): return super().ensure_cluster(nodes, lambda line: None)",
        "one_that_is_missing_is_made",
    ),
    "Narrow": (
        "def ensure_cluster(self, nodes, say): return super().ensure_cluster(1, say)",
        "one_that_is_missing_is_made",
    ),
    "Private": (
        "def __init__(self, options): super().__init__(options); self.there = {}",
        "one_that_is_missing_is_made",
    ),
    "Busy": (
        "def ensure_cluster(self, nodes, say): say('looking'); return super().ensure_cluster(nodes, say)",
        "a_second_call_finds_nothing_to_do",
    ),
    "Growing": (
        "def ensure_cluster(self, nodes, say):\n"
        "    had = self.there.get(self.options.cluster)\n"
        "    return super().ensure_cluster(had.max_nodes + 1 if had else nodes, say)",
        "a_second_call_finds_nothing_to_do",
    ),
    "Forgetful": (
        "def ensure_cluster(self, nodes, say):\n"
        "    told = self.options.idle_seconds\n"
        "    self.options = BarnOptions(**{**vars(self.options), 'idle_seconds': told})\n"
        "    return super().ensure_cluster(nodes, say)",
        "what_is_told_changes_it_and_what_nobody_tells_is_kept",
    ),
    "Stubborn": (
        "def ensure_cluster(self, nodes, say):\n"
        "    had = self.there.get(self.options.cluster)\n"
        "    return had or super().ensure_cluster(nodes, say)",
        "what_is_told_changes_it_and_what_nobody_tells_is_kept",
    ),
    "Polite": (
        # It says what it was told, and does nothing of the kind.
        "def ensure_cluster(self, nodes, say):\n"
        "    had = self.there.get(self.options.cluster)\n"
        "    made = super().ensure_cluster(nodes, say)\n"
        "    self.there[made.name] = had or made\n"
        "    return made",
        "what_is_told_changes_it_and_what_nobody_tells_is_kept",
    ),
    "Full": (
        "def ensure_cluster(self, nodes, say):\n"
        "    return super().ensure_cluster(1 if self.options.cluster in self.there else nodes, say)",
        "it_gets_room_for_more_nodes_and_keeps_it",
    ),
    "Shrinking": (
        "def ensure_cluster(self, nodes, say):\n"
        "    made = super().ensure_cluster(nodes, say)\n"
        "    self.there[made.name] = made = replace(made, max_nodes=max(nodes, 2))\n"
        "    return made",
        "it_gets_room_for_more_nodes_and_keeps_it",
    ),
    "Obliging": (
        "def ensure_cluster(self, nodes, say):\n"
        "    self.options = self.options.model_copy(update={'size': 'small'})\n"
        "    return super().ensure_cluster(nodes, say)",
        "what_can_never_be_changed_is_refused",
    ),
    "Hasty": (
        "def ensure_cluster(self, nodes, say):\n"
        "    if had := self.there.get(self.options.cluster):\n"
        "        self.there[had.name] = replace(had, max_nodes=had.max_nodes + (self.options.size != had.size))\n"
        "    return super().ensure_cluster(nodes, say)",
        "what_can_never_be_changed_is_refused",
    ),
    "Jumbled": ("def clusters(self): return list(self.there.values())", "they_are_listed_by_name"),
    "Modest": ("def clusters(self): return super().clusters()[:1]", "they_are_listed_by_name"),
    "Hoarding": ("def delete_cluster(self, name): pass", "one_that_is_deleted_is_gone_and_may_be_made_again"),
    "Strict": (
        "def delete_cluster(self, name): del self.there[name]",
        "one_that_is_deleted_is_gone_and_may_be_made_again",
    ),
    "Haunted": (
        "left = {}\n"
        "def delete_cluster(self, name):\n"
        "    if name in self.there: self.left[name] = self.there.pop(name)\n"
        "def ensure_cluster(self, nodes, say):\n"
        "    if had := self.left.pop(self.options.cluster, None): self.there[had.name] = had\n"
        "    return super().ensure_cluster(nodes, say)",
        "one_that_is_deleted_is_gone_and_may_be_made_again",
    ),
}
HEAD = """
    from dataclasses import replace

    from barns import BarnOptions, Barns
"""
TEST = """

class Test{name}(ClustersContract):
    changes = {{"idle_seconds": 60}}
    settled = {{"size": "large"}}

    def having(self, options, home):
        return wrongs.{name}(wrongs.BarnOptions(**options))
"""


def test_clusters_that_break_a_promise_are_caught(tmp_path: Path) -> None:
    shutil.copy(barns.__file__, tmp_path)
    (tmp_path / "wrongs.py").write_text(textwrap.dedent(HEAD) + subclasses("Barns", BARNS))
    code = "import wrongs\nfrom fledge.testing import ClustersContract\n"
    code += "".join(TEST.format(name=name) for name in BARNS)
    caught(outcomes(tmp_path, code, breaking(BARNS)), BARNS)
