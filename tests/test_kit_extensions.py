"""The contract of extensions finds what is wrong: for every promise there is an extension here that breaks it."""

import textwrap
from pathlib import Path

from tests.sabotage import Wrongs, breaking, caught, held, offered, outcomes, subclasses

EXTENSIONS: Wrongs = {
    "Mute": ("def run_started(self, run): pass", "it_listens_to_hooks_that_there_are"),
    "Misspelt": ("@hookimpl\ndef run_strated(self, run): pass", "it_listens_to_hooks_that_there_are"),
    "Presuming": ("@hookimpl\ndef run_started(self, run=None): pass", "it_listens_to_hooks_that_there_are"),
    "Meddling": (
        "@hookimpl\ndef step_ended(self, module):\n    next(module.parameters()).data.add_(0.001)",
        "a_training_completes_with_it",
    ),
    "Choosy": ("@hookimpl\ndef run_ended(self, run): run.spec['dataset']", "a_script_completes_with_it"),
    "Hushing": (
        "@hookimpl\ndef run_ended(self, state): os._exit(0) if state == 'FAILED' else None",
        "a_run_that_fails_says_why_in_spite_of_it",
    ),
}
HEAD = """
    import os

    from fledge import hookimpl


    class Base:
        def __init__(self, options):
            pass
"""


def test_an_extension_that_breaks_a_promise_is_caught(tmp_path: Path) -> None:
    offered(tmp_path, "extension", textwrap.dedent(HEAD) + subclasses("Base", EXTENSIONS), list(EXTENSIONS))
    caught(outcomes(tmp_path, held("ExtensionContract", EXTENSIONS), breaking(EXTENSIONS)), EXTENSIONS)
