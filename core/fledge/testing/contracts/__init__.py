"""The conformance kit: a pytest class for an interface, with a test for each of its promises. Needs pytest."""

import pytest

pytest.register_assert_rewrite("fledge.testing.contracts.backend")
