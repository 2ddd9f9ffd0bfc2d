"""Which lines a person may add for pip and conda: those that can work where the service builds the image."""

from typing import Any

import pytest
from fledge import UsageError
from fledge_azureml.environment import environment
from fledge_azureml.lines import PYTHON
from fledge_azureml.options import AzureMLOptions


def installed(options: AzureMLOptions) -> list[Any]:
    conda: Any = environment(options, ()).conda
    told: list[Any] = conda["dependencies"]
    return told


@pytest.mark.parametrize(
    "line",
    ["-r requirements.txt", "-rmore.txt", "--requirement=r.txt", "-c x", "-e .", "-f ./wheels", "--find-links wheels",
     ".", "./mine-1.0.whl", "/x/y.whl", "~/y.whl", "dist/mine", "mine-1.0-py3-none-any.whl", "mine-1.0.tar.gz[all]",
     r"C:\x\y.whl", "file:///x/y.whl", "git+file:///x", "mine @ file:///x/y.whl", "mine @ ./y.whl"],
)  # fmt: skip
def test_what_pip_would_read_on_this_machine_is_refused(line: str) -> None:
    with pytest.raises(UsageError, match="names a file or folder of this machine"):
        environment(AzureMLOptions(pip=(line,)), ())


@pytest.mark.parametrize(
    "line",
    ["timm", "zope.zip==1", "x[a,b]>=1; python_version > '3'", "x @ https://example.com/x.whl", "git+ssh://git@x.org/x",
     "https://example.com/x.whl", "-r https://example.com/r.txt", "-e git+https://example.com/x.git#egg=x", "--pre",
     "--require-hashes", "--extra-index-url https://example.com/simple"],
)  # fmt: skip
def test_what_pip_can_read_there_is_taken(line: str) -> None:
    assert line in installed(AzureMLOptions(pip=(line,)))[-1]["pip"]


@pytest.mark.parametrize(
    "line",
    ["ffmpeg", "ffmpeg=7", "ffmpeg >= 7, < 8", "x==1.*|2", "pytorch=2.*=*cuda*", "a 1.2 py_0", "_x", "x[version='>=1']",
     "conda-forge/linux-64::x=1", "https://example.com/x.conda", "python", "python=3", f"python={PYTHON}.1",
     f"python {PYTHON}.* *_cpython", "python>=3.8", f"python=3.8|{PYTHON}"],
)  # fmt: skip
def test_what_conda_reads_is_taken(line: str) -> None:
    assert line in installed(AzureMLOptions(conda=(line,)))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        *((line, "is no conda package") for line in ("", "a b c d", "a ==", "-c x", "./x.conda", "x @ y", "x[a]")),
        *((f"python{one}", "is another Python") for one in ("=3.1", "=3.9.*", " 2.7", "<3.8", "=3.9=*_cpython")),
        ("conda-forge::Python=3.9", "is another Python"),
    ],
)
def test_what_conda_would_not_read_and_another_python_are_refused(line: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        environment(AzureMLOptions(conda=(line,)), ())
