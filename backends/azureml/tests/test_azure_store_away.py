"""An upload by SDK v2 that breaks off. In a file of its own, for another worker than the other SDK's."""

import pytest
from loopback.program import Loopback
from store_away import assert_said
from submitting import Client

pytestmark = [pytest.mark.azure, pytest.mark.long, pytest.mark.timeout(900)]


def test_an_upload_that_breaks_off_is_said_to(submit_v2: Client, peace: Loopback) -> None:
    assert_said(submit_v2, peace)
