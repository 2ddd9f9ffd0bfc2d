"""The conformance kit: a pytest class for an interface, with a test for each of its promises."""

import pytest

_PARTS = (
    "backend",
    "backends",
    "clusters",
    "contract",
    "dataset",
    "exporter",
    "extension",
    "launcher",
    "model",
    "registry",
    "server_trouble",
    "sweeper",
    "tracker",
    "untouched",
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))
