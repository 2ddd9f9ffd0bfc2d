"""What errors of SDK v2 say. One may fail to say what it is."""

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from fledge import FledgeError, RunError

from fledge_azureml.refusal import not_logged_in, refusal

# Those that stand for an answer of the service's, or for none.
_OF_A_CALL = (HttpResponseError, ServiceRequestError, ServiceResponseError, OSError)


def translated(doing: str, error: BaseException) -> FledgeError:
    """In fledge's words."""
    words, code = _words(error)
    status = getattr(error, "status_code", None)
    if isinstance(error, ClientAuthenticationError) and "redential" in words and "token" in words:
        return not_logged_in(words)
    if isinstance(error, HttpResponseError) and status is not None:
        return refusal(doing, status, words, code)
    if isinstance(error, ServiceRequestError | ServiceResponseError | OSError):
        return refusal(doing, None, words, code)
    if behind := _of_a_call(error):
        # The SDK's own word for what came of a call says less than that.
        return translated(doing, behind)
    return RunError(f"Azure ML cannot {doing}: {type(error).__name__}: {words}")


def _of_a_call(error: BaseException) -> BaseException | None:
    """The nearest that it was raised because of: some are wrapped twice, and others are nobody's answer."""
    behind = error.__context__
    while behind is not None and not isinstance(behind, _OF_A_CALL):
        behind = behind.__context__
    return behind


def _words(error: BaseException) -> tuple[str, str]:
    told = getattr(error, "error", None)
    try:
        words = getattr(told, "message", None) or getattr(error, "message", None) or str(error)
        return str(words), str(getattr(told, "code", None) or "")
    except Exception:  # noqa: BLE001 -- an SDK's error may fail in telling of itself
        return type(error).__name__, ""
