"""The conformance kit: a pytest class for an interface, with a test for each of its promises."""

import pytest

_KINDS = ("backend", "dataset", "extension", "launcher", "model", "registry", "tracker")
pytest.register_assert_rewrite("fledge.testing.contracts.contract", *(f"{__name__}.{kind}" for kind in _KINDS))
