"""What goes wrong with MLflow, in a sentence."""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fledge import FledgeError

_LATER = "what is missing there can be sent later: fledge runs sync RUN --tracker mlflow"


@contextmanager
def explained(uri: Path | str, kind: type[FledgeError], later: str = _LATER) -> Iterator[None]:
    """Within, whatever MLflow raises of the store at `uri` becomes a `kind` that says what to do."""
    # Imported late: together they take a second.
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, requests.RequestException, OSError) as error:
        raise _told(error, uri, kind, later) from error


def _told(error: Exception, uri: Path | str, kind: type[FledgeError], later: str) -> FledgeError:
    if isinstance(uri, Path):
        return _of_a_file(error, uri, kind, later)
    return _of_a_server(error, uri, kind, later)


def _of_a_server(error: Exception, uri: str, kind: type[FledgeError], later: str) -> FledgeError:
    import requests

    chain = list(_chain(error))
    # With no tries left, `requests` makes a connection's error of what was a time-out.
    if any(isinstance(one, requests.Timeout) or "Read timed out" in str(one) for one in chain):
        return kind(f"the MLflow server at {uri} does not answer", hint=later, transient=True)
    if any(isinstance(one, requests.exceptions.SSLError) for one in chain):
        return kind(
            f"the certificate of the MLflow server at {uri} is not trusted",
            hint="name its authority's file in MLFLOW_TRACKING_SERVER_CERT_PATH",
        )
    if any(isinstance(one, requests.ConnectionError) for one in chain):
        why = "it closed the connection" if _lost(chain) else "nothing can be reached there"
        return kind(f"the MLflow server at {uri} is down: {why}", hint=later, transient=True)
    if failed := re.search(r"too many (\d+) error responses", str(error)):
        return kind(
            f"the MLflow server at {uri} fails (HTTP status {failed[1]}): its log says why, a full disk perhaps",
            hint=later,
            transient=True,
        )
    status = _status(error)
    if status in (401, 403):
        given = os.environ.get("MLFLOW_TRACKING_USERNAME") or os.environ.get("MLFLOW_TRACKING_TOKEN")
        what = "refuses these credentials" if given else "asks for credentials"
        return kind(
            f"the MLflow server at {uri} {what}",
            hint="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
        )
    if _is_full(error):
        return kind(f"the disk of the MLflow server at {uri} is full", hint=later, transient=True)
    if status == 404 and "API request to endpoint" in str(error):
        return kind(f"what answers at {uri} is no MLflow server", hint="see what MLFLOW_TRACKING_URI or the spec says")
    return kind(
        f"the MLflow server at {uri} says: {_first_line(error)}", hint=later, transient=status is None or status >= 500
    )


def _of_a_file(error: Exception, path: Path, kind: type[FledgeError], later: str) -> FledgeError:
    text = str(error)
    if _is_full(error):
        return kind(f"the disk is full where MLflow's file {path} is", hint=f"make room; {later}", transient=True)
    for words, what, transient in (
        ("unable to open database file", "cannot be opened: its folder is missing, or may only be read", False),
        ("readonly database", "may only be read", False),
        ("file is not a database", "is no SQLite file", False),
        ("is locked", "is being written by another process, and stays so", True),
        ("disk I/O error", "cannot be read or written: its disk has an error, or is full", True),
    ):
        if words in text:
            return kind(f"MLflow's file {path} {what}", hint=later, transient=transient)
    if "schema" in text and "upgrade" in text:
        return kind(
            f"MLflow's file {path} was made by another version of MLflow",
            hint=f"keep a copy, and then: mlflow db upgrade sqlite:///{path}",
        )
    return kind(f"MLflow's file {path} cannot be used: {_first_line(error)}", hint=later)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those from which it came, also where that was not said on purpose."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _lost(chain: list[BaseException]) -> bool:
    return any("RemoteDisconnected" in str(one) or "Connection reset" in str(one) for one in chain)


def _is_full(error: Exception) -> bool:
    return any(
        (isinstance(one, OSError) and one.errno == errno.ENOSPC)
        or "disk is full" in str(one)
        or "No space left" in str(one)
        for one in _chain(error)
    )


def _status(error: Exception) -> int | None:
    """The HTTP status of an answer, as far as MLflow tells."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code
    ask: Callable[[], Any] | None = getattr(error, "get_http_status_code", None)
    return int(ask()) if ask is not None else None


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line if len(line) <= 300 else f"{line[:300]}…"
