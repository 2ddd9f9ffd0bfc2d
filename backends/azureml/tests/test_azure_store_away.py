"""A blob store that answers at first and then no longer: whoever submits is told so, and submits again when it is back.

By either SDK, as it asks again and again by itself, which takes it a minute or two.
"""

from pathlib import Path

import pytest
from loopback.program import Loopback
from submitting import Submits

pytestmark = [pytest.mark.azure, pytest.mark.long, pytest.mark.timeout(900)]

_RUN = ("run", "--backend", "azureml", "--script", "hello.py", "--set", "backend.size=Standard_DS3_v2", "--json")


@pytest.mark.parametrize("sdk", ["v2", "v1"])
def test_an_upload_that_breaks_off_is_said_to(sdk: str, submits: Submits, peace: Loopback, tmp_path: Path) -> None:
    client = submits(sdk, tmp_path / "work")
    client.write("hello.py", f"print('hello, {sdk}')")
    before = set(peace.jobs())
    peace.trouble("CONNECT .*blob", skip=1, drop=True, times=1_000_000)
    said = client(*_RUN, status=1)
    assert "does not answer" in said.err
    assert "nothing was lost; try again later" in said.err
    assert set(peace.jobs()) == before
    peace.peace()
    assert client(*_RUN).lines[-1]["state"] == "COMPLETED"
