"""What the service says no with, in fledge's words: the same for both SDKs, whose own errors cannot even be printed
safely."""

import re

from fledge import FledgeError, RunError, UsageError

from fledge_azureml.facts import LOW_PRIORITY_NOTE
from fledge_azureml.request import Cluster

_UNKNOWN_CALLER, _FORBIDDEN, _ABSENT, _SLOWER = 401, 403, 404, 429
_TIMED_OUT = 408
_NOT_TAKEN = 400
_SERVER_ERROR = 500
_LOGIN = (
    "`az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal; "
    "on a machine of Azure's its managed identity does"
)
_ROLES = 'give it the role "AzureML Data Scientist" (and "AzureML Compute Operator") in the workspace'
_MORE_QUOTA = "ask for more quota in the studio (Quota), or for less: --set backend.size=SIZE, backend.max_nodes=N"
_NAMES = "look at the names in config.json: subscription, resource group, workspace"
# By the blob store's own codes, which is asked beside the workspace and has rights of its own.
_BY_STORE = {
    "AuthorizationPermissionMismatch": 'give it the role "Storage Blob Data Contributor" at its storage account',
    "AuthorizationFailure": "does its storage account's firewall let this machine in?",
}
_PLACES = re.compile(r"workspace|resource ?group|subscription", re.IGNORECASE)
_LENGTH = 500


def refusal(doing: str, status: int | None, words: str, code: str = "") -> FledgeError:
    """
    doing   what was asked, as it goes on after "Azure ML cannot"
    status  HTTP's, None where nothing was answered, and less than 400 of what was taken and has failed since
    words   the service's own
    code    the service's short name of the trouble, where it gives one
    """
    told = " ".join(words.split())[:_LENGTH] or code or "no word of why"
    message = f"Azure ML cannot {doing}: {told}"
    if status is None:
        return RunError(message, hint="nothing was lost; try again later", transient=True)
    if status == _SLOWER:
        return RunError(f"{message}: it is asked too often", hint="nothing was lost; try again later", transient=True)
    if status == _TIMED_OUT or status >= _SERVER_ERROR:
        return RunError(f"{message} (status {status})", hint="nothing was lost; try again later", transient=True)
    if "quota" in f"{code} {told}".lower():
        return RunError(message, hint=_MORE_QUOTA)
    if status == _UNKNOWN_CALLER:
        return UsageError(f"Azure ML does not know who asks, so that it cannot {doing}: {told}", hint=_LOGIN)
    if status == _FORBIDDEN:
        of_store = next((hint for name, hint in _BY_STORE.items() if name in f"{code} {words}"), None)
        return UsageError(f"Azure ML does not allow this account to {doing}: {told}", hint=of_store or _ROLES)
    if status == _ABSENT:
        named = _PLACES.search(f"{code} {told}")
        return UsageError(message, hint=_NAMES if named else None)
    return RunError(f"{message} (status {status})" if status >= _NOT_TAKEN else message)


def of_a_cluster(cluster: Cluster, error: FledgeError) -> FledgeError:
    """What making it came to; where its priority may be the trouble, with a word of that: of what is known to be
    another's fault, such as a caller's who may not, the remedy is known too."""
    if cluster.priority == "low_priority" and not error.transient and error.hint in (None, _MORE_QUOTA):
        # A priority that is gone may have a quota of 0 left of it.
        error.hint = "; ".join(filter(None, (error.hint, LOW_PRIORITY_NOTE)))
    return error


def no_cluster(name: str) -> UsageError:
    """Of a name that another kind of compute has, an instance say, which runs no jobs of several nodes."""
    return UsageError(
        f"{name} is no cluster, but a compute of another kind",
        hint="--set backend.cluster=NAME; `fledge compute list` lists the clusters that there are",
    )


def not_logged_in(words: str) -> UsageError:
    """No credential could be had at all. `words`: the SDK's own, which tell of each that was tried."""
    tried = dict.fromkeys(re.findall(r"^\s*(\w+Credential): ", words, re.MULTILINE))
    told = f"no token by {', '.join(tried)}" if tried else " ".join(words.split())[:_LENGTH]
    return UsageError(f"not logged in to Azure: {told}", hint=_LOGIN)
