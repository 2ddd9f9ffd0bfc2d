"""A blob store that answers at first and then no longer: who submits is told so, and submits again when it is back."""

from loopback.program import Loopback
from submitting import Client

_RUN = ("run", "--backend", "azureml", "--script", "hello.py", "--set", "backend.size=Standard_DS3_v2", "--json")


def assert_said(client: Client, peace: Loopback) -> None:
    """It takes the SDK a minute or two, for it asks again and again by itself."""
    client.write("hello.py", f"print('hello, {client.python}')")
    before = set(peace.jobs())
    peace.trouble("CONNECT .*blob", skip=1, drop=True, times=1_000_000)
    said = client(*_RUN, status=1)
    assert "does not answer" in said.err
    assert "nothing was lost; try again later" in said.err
    assert set(peace.jobs()) == before
    peace.peace()
    assert client(*_RUN).lines[-1]["state"] == "COMPLETED"
