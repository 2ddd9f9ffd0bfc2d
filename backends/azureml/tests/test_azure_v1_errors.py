"""What SDK v1's errors come to, in the shapes in which the SDK was seen to raise them; needs no SDK.

And what a refusal's words are for both.
"""

import json
from types import SimpleNamespace

import pytest
from fledge import FledgeError, RunError, UsageError
from fledge_azureml.facts import LOW_PRIORITY_NOTE
from fledge_azureml.refusal import not_logged_in, of_a_cluster, refusal
from fledge_azureml.request import Cluster
from fledge_azureml.v1_errors import status_of, translated


class UnprintableError(Exception):
    """As azureml-core's ServiceException is where the service gives no details."""

    def __init__(self, message: object, status: int) -> None:
        super().__init__()
        self.message, self.status_code = message, status

    def __str__(self) -> str:
        raise TypeError("'NoneType' object is not iterable")

    __repr__ = __str__


class WrappedError(Exception):
    """As its AzureMLException: the one that says more is within."""

    def __init__(self, message: str, inner_exception: Exception | None = None) -> None:
        super().__init__(message)
        self.message, self.inner_exception = message, inner_exception


class SilentError(Exception):
    """Stands for a connection that broke."""


_DETAILS = {"error": {"code": "UserError", "message": 'Say "please".'}}
_EXECUTION = json.dumps({"error_details": _DETAILS, "status_code": 400}, indent=4)
_PROVIDER = """Received bad response from Resource Provider:
Response Code: 409
Headers: {'Date': 'today'}
Content: b'{"error":{"code":"ClusterCoreQuotaReached","message":"Not enough cores."}}'"""


@pytest.mark.parametrize(
    ("error", "kind", "words", "transient"),
    [
        (UnprintableError("Gone for a while", 503), RunError, r"cannot run it: Gone for a while \(status 503\)", True),
        (UnprintableError(None, 403), UsageError, "does not allow this account to run it", False),
        (WrappedError(_EXECUTION), RunError, r'cannot run it: Say "please"\. \(status 400\)', False),
        (WrappedError(_PROVIDER), RunError, "cannot run it: Not enough cores", False),
        (WrappedError("it failed", UnprintableError("Slower", 429)), RunError, "is asked too often", True),
        (WrappedError("it failed", SilentError()), RunError, "cannot run it: it does not answer", True),
        (Exception("Error retrieving it. Code: 404\n: nothing"), UsageError, "cannot run it: Error retrieving", False),
        (KeyError("endpoint"), RunError, "cannot run it: KeyError: endpoint", False),
    ],
)
def test_an_error_is_read_and_never_printed(
    error: Exception, kind: type[FledgeError], words: str, transient: bool
) -> None:
    told = translated("run it", error, (SilentError,))
    assert type(told) is kind
    assert told.transient is transient
    with pytest.raises(kind, match=words):
        raise told


def test_the_status_is_that_of_the_answer_that_caused_it() -> None:
    error = WrappedError("forbidden, it seems")
    error.__cause__ = WrappedError("refused")
    error.__cause__.response = SimpleNamespace(status_code=401)  # type: ignore[attr-defined]
    assert status_of(error) == 401
    assert status_of(WrappedError("no word of it")) is None
    # Errors that stand for each other end nowhere.
    error.__cause__.__cause__ = error
    assert status_of(error) == 401


_NAMES, _STORE, _QUOTA = "look at the names in config.json", "Storage Blob Data Contributor", "ask for more quota"
_LATER, _ROLES = "try again later", "AzureML Data Scientist"


@pytest.mark.parametrize(
    ("status", "words", "code", "hint"),
    [
        (404, "The Resource '.../workspaces/aviary' was not found.", "ResourceNotFound", _NAMES),
        (404, "Resource group 'birds' could not be found.", "ResourceGroupNotFound", _NAMES),
        (404, "gone", "SubscriptionNotFound", _NAMES),
        (404, "Environment hens:3 was not found.", "UserError", None),
        (403, "Not you.", "AuthorizationFailed", _ROLES),
        (403, "This request is not authorized.\nErrorCode:AuthorizationPermissionMismatch", "", _STORE),
        (403, "This request is not authorized.", "AuthorizationFailure", "firewall"),
        (400, "A quota of 0 is less than that.", "", _QUOTA),
        (200, "It cannot be made.", "ClusterCoreQuotaReached", _QUOTA),
        # These are no quotas of machines, and pass.
        (429, "The quota of requests is used up.", "", _LATER),
        (503, "The quota service is away.", "", _LATER),
        (None, "Disk quota exceeded", "", _LATER),
        (400, "It is asleep.", "", None),
    ],
)
def test_a_refusal_hints_at_what_would_help(status: int | None, words: str, code: str, hint: str | None) -> None:
    told = refusal("do it", status, words, code)
    assert told.hint is None if hint is None else hint in (told.hint or "")
    assert told.transient is (hint == _LATER)


def test_the_status_of_what_was_taken_and_failed_later_tells_nobody_anything() -> None:
    assert refusal("do it", 400, "It is asleep.").message == "Azure ML cannot do it: It is asleep. (status 400)"
    assert refusal("do it", 200, "It fell asleep.").message == "Azure ML cannot do it: It fell asleep."


def test_low_priority_may_be_the_trouble() -> None:
    cluster = Cluster(name="hens", size="S", min_nodes=0, max_nodes=1, idle_seconds=1, priority="low_priority")
    dedicated = cluster.model_copy(update={"priority": "dedicated"})

    def told(status: int | None, words: str) -> tuple[type[FledgeError], str | None]:
        error = of_a_cluster(cluster, refusal("make it", status, words))
        return type(error), error.hint

    assert told(400, "Retired.") == (RunError, LOW_PRIORITY_NOTE)
    assert told(404, "There is no such priority.") == (UsageError, LOW_PRIORITY_NOTE)
    quota = refusal("make it", 400, "No quota.").hint
    assert told(400, "No quota.") == (RunError, f"{quota}; {LOW_PRIORITY_NOTE}")
    # What is known to be another's fault, or passes, is what it was.
    for status, words in ((401, "Who?"), (403, "Not you."), (404, "There is no workspace."), (None, "Away.")):
        alone = refusal("make it", status, words)
        assert told(status, words) == (type(alone), alone.hint)
    unknown = not_logged_in("It is gone.")
    assert (of_a_cluster(cluster, unknown), "az login" in (unknown.hint or "")) == (unknown, True)
    final = RunError("Retired.")
    assert (of_a_cluster(dedicated, final), final.hint) == (final, None)


def test_of_who_is_not_logged_in_it_is_said_what_was_tried() -> None:
    told = "No credential has given a token:\n\tAzureCliCredential: Please run 'az login'\n\tOtherCredential: no"
    assert not_logged_in(told).message == "not logged in to Azure: no token by AzureCliCredential, OtherCredential"
    assert not_logged_in("It is\n gone.").message == "not logged in to Azure: It is gone."
