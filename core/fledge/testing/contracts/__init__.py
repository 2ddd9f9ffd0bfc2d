"""The conformance kit: a pytest class for an interface, with a test for each of its promises."""

import pytest

_PARTS = (
    "backend",
    "backends",
    "contract",
    "dataset",
    "extension",
    "launcher",
    "model",
    "registry",
    "server_trouble",
    "tracker",
    "untouched",
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))
