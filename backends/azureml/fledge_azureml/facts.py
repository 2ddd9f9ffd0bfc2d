"""What is known of the service, in one place: its names, limits, machines, words and addresses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from fledge import RunState

from fledge_azureml.request import WorkspaceName

STUDIO = "https://ml.azure.com"
# With CUDA, and with the MPI that starts ranks; Python and torch come on top of it.
IMAGE = "mcr.microsoft.com/azureml/openmpi5.0-cuda12.6-ubuntu24.04"
DEFAULT_SIZE = "Standard_NC4as_T4_v3"
# The same without CUDA, for what answers at endpoints; and the smallest machine that the service advises for them.
SERVING_IMAGE = "mcr.microsoft.com/azureml/openmpi5.0-ubuntu24.04"
DEFAULT_INSTANCE = "Standard_DS3_v2"

# What v1 takes in a snapshot, of a job's own code; v2 takes more, and warns above 100 MB.
MAX_BYTES = 300 * 2**20
MAX_FILES = 2000

LOW_PRIORITY_NOTE = (
    "low-priority machines were listed as retired from Azure Machine Learning on 2026-03-31: where the service refuses "
    "them, take backend.priority=dedicated, with backend.min_nodes=0 so that nothing is paid for while nothing runs"
)


@dataclass(frozen=True)
class NameRule:
    """`fullmatch` in the service's own words, and the same for people."""

    what: str
    pattern: re.Pattern[str]
    words: str

    def fits(self, name: str) -> bool:
        return self.pattern.fullmatch(name) is not None


def _rule(what: str, pattern: str, words: str) -> NameRule:
    return NameRule(what, re.compile(pattern, re.ASCII), words)


_ASSET_WORDS = "1 to 255 letters, digits, - and _, of which the first is a letter or a digit"
EXPERIMENT = _rule("experiment", r"[A-Za-z0-9][\w-]{0,254}", _ASSET_WORDS)
MODEL = _rule("model", r"[A-Za-z0-9][\w-]{0,254}", _ASSET_WORDS)
ENDPOINT = _rule(
    "endpoint",
    r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]",
    "3 to 32 letters, digits and -, of which the first is a letter and the last no -",
)
COMPUTE = _rule(
    "compute cluster",
    r"[A-Za-z](?![A-Za-z0-9-]*-\d+\Z)[A-Za-z0-9-]{2,23}",
    "3 to 24 letters, digits and -, of which the first is a letter, and which do not end in - and a number",
)
WORKSPACE = _rule(
    "workspace", r"[A-Za-z0-9][\w-]{2,32}", "3 to 33 letters, digits, - and _, the first a letter or a digit"
)
RESOURCE_GROUP = _rule(
    "resource group", r"[\w().-]{0,89}[\w()-]", "1 to 90 letters, digits and any of _ - . ( ), the last of which no ."
)
SUBSCRIPTION = _rule(
    "subscription",
    r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
    "an id such as 01234567-89ab-cdef-0123-456789abcdef",
)
# A curated one's name has dots.
ENVIRONMENT = _rule(
    "environment",
    r"azureml://registries/[\w-]+/environments/[\w.-]+/(versions|labels)/[\w.-]+"
    r"|[A-Za-z0-9][\w.-]{0,254}(:[\w.-]+|@[\w.-]+)?",
    "NAME, NAME:VERSION, NAME@latest, or azureml://registries/REGISTRY/environments/NAME/versions/VERSION",
)


@dataclass(frozen=True)
class Size:
    """What one machine has."""

    gpus: int
    cores: int


# The common ones: others are taken as they are told.
SIZES: dict[str, Size] = {
    "Standard_NC4as_T4_v3": Size(1, 4),
    "Standard_NC8as_T4_v3": Size(1, 8),
    "Standard_NC16as_T4_v3": Size(1, 16),
    "Standard_NC64as_T4_v3": Size(4, 64),
    "Standard_NC24ads_A100_v4": Size(1, 24),
    "Standard_NC48ads_A100_v4": Size(2, 48),
    "Standard_NC96ads_A100_v4": Size(4, 96),
    "Standard_NC40ads_H100_v5": Size(1, 40),
    "Standard_NC80adis_H100_v5": Size(2, 80),
    "Standard_ND96asr_v4": Size(8, 96),
    "Standard_ND96amsr_A100_v4": Size(8, 96),
    "Standard_ND96isr_H100_v5": Size(8, 96),
    "Standard_ND96isr_H200_v5": Size(8, 96),
    "Standard_NV6ads_A10_v5": Size(1, 6),
    "Standard_NV12ads_A10_v5": Size(1, 12),
    "Standard_NV18ads_A10_v5": Size(1, 18),
    "Standard_NV36ads_A10_v5": Size(1, 36),
    "Standard_NV72ads_A10_v5": Size(2, 72),
    "Standard_DS2_v2": Size(0, 2),
    "Standard_DS3_v2": Size(0, 4),
    "Standard_DS4_v2": Size(0, 8),
    "Standard_DS5_v2": Size(0, 16),
    "Standard_D2s_v3": Size(0, 2),
    "Standard_D4s_v3": Size(0, 4),
    "Standard_D8s_v3": Size(0, 8),
    "Standard_D16s_v3": Size(0, 16),
    "Standard_F4s_v2": Size(0, 4),
    "Standard_F8s_v2": Size(0, 8),
    "Standard_F16s_v2": Size(0, 16),
}
# NC4 and NC4as_T4_v3 are so like each other.
_NEAR = 0.4
_BY_LOWER = {name.lower(): name for name in SIZES}

_T4, _FOUR_T4 = "Standard_NC4as_T4_v3", "Standard_NC64as_T4_v3"
_A100, _TWO_A100, _FOUR_A100 = "Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4", "Standard_NC96ads_A100_v4"
_A10, _TWO_A10 = "Standard_NV12ads_A10_v5", "Standard_NV72ads_A10_v5"
# The families that Azure has taken away, and, by the numbers that their sizes have, what has no fewer GPUs today.
_RETIRED: tuple[tuple[str, dict[str, str]], ...] = (
    # K80
    (r"Standard_NC(6|12|24)r?(?:_Promo)?", {"6": _T4, "12": _FOUR_T4, "24": _FOUR_T4}),
    # P100, and V100
    (r"Standard_NC(6|12|24)r?s_v[23]", {"6": _T4, "12": _TWO_A100, "24": _FOUR_A100}),
    # P40
    (r"Standard_ND(6|12|24)r?s", {"6": _A100, "12": _TWO_A100, "24": _FOUR_A100}),
    # V100, eight of them
    (r"Standard_ND(40)rs_v2", {"40": "Standard_ND96asr_v4"}),
    # M60
    (r"Standard_NV(6|12|24)(?:_Promo)?", {"6": _A10, "12": _TWO_A10, "24": _FOUR_T4}),
    (r"Standard_NV(12|24|48)s_v3", {"12": _A10, "24": _TWO_A10, "48": _FOUR_T4}),
)


def instead_of(size: str) -> str | None:
    """Of a size that was retired, what to use; None of any other, whether it is known here or not."""
    for pattern, instead in _RETIRED:
        if found := re.fullmatch(pattern, size, re.IGNORECASE):
            return instead[found[1]]
    return None


def size_named(size: str) -> Size | None:
    """The service does not tell capitals from small letters."""
    return SIZES.get(_BY_LOWER.get(size.lower(), ""))


def size_near(word: str) -> str:
    """Of what is no size the one that may have been meant: of today's, and the default where none is near."""
    told = word.lower().removeprefix("standard_")
    known = {name.lower().removeprefix("standard_"): name for name in SIZES}

    def likeness(name: str) -> float:
        return name.startswith(told) + SequenceMatcher(None, told, name).ratio()

    # Of many that are as near the first: the smallest machine.
    near = max(known, key=likeness)
    return instead_of(f"Standard_{told}") or (known[near] if likeness(near) >= _NEAR else DEFAULT_SIZE)


# Its words for a run's state; Paused, NotResponding and words that are not here leave a run where it was.
CANCELING = "CancelRequested"
STATES: dict[str, RunState] = {
    "NotStarted": RunState.QUEUED,
    "Queued": RunState.QUEUED,
    "Preparing": RunState.PREPARING,
    "Provisioning": RunState.PREPARING,
    "Starting": RunState.PREPARING,
    "Running": RunState.RUNNING,
    "Finalizing": RunState.FINALIZING,
    # It has been asked, and still runs.
    CANCELING: RunState.RUNNING,
    "Completed": RunState.COMPLETED,
    "Failed": RunState.FAILED,
    "Canceled": RunState.CANCELED,
}


def run_state(word: str) -> RunState:
    # What it does not know leaves fledge's own word for a run as it was last: the journal's.
    return STATES.get(word, RunState.RUNNING)


def is_final(word: str) -> bool:
    return run_state(word).is_final


def is_folder(metadata: Mapping[str, str] | None) -> bool:
    """Whether a blob of this metadata is no file: for each folder that is made in it, a mount leaves an empty blob."""
    return any(name.lower() == "hdi_isfolder" and told.lower() == "true" for name, told in (metadata or {}).items())


def page(name: str, workspace: WorkspaceName) -> str:
    """A run's page in the studio."""
    return f"{STUDIO}/runs/{name}?wsid={resource_id(workspace)}"


def resource_id(workspace: WorkspaceName) -> str:
    return (
        f"/subscriptions/{workspace.subscription_id}/resourcegroups/{workspace.resource_group}"
        f"/workspaces/{workspace.workspace_name}"
    )
