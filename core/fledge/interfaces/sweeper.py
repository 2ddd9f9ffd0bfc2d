"""Sweeper: what a backend may be besides, where the service behind it searches by itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fledge.interfaces.backend import Request, RunRef
from fledge.interfaces.job import Job
from fledge.interfaces.search import Search


@dataclass(frozen=True)
class NativeTrial:
    """One that has begun.

    number  among the trials of its sweep, as the service counts
    values  of each key, the word that stands in the place of its placeholder
    ref     to be asked about as any run's
    """

    number: int
    values: Mapping[str, str]
    ref: RunRef


class Sweeper(ABC):
    """A ComputeBackend that is one as well has the service draw values, start trials, and stop those that lag behind:
    `fledge sweep --native`.

    A sweep's reference is good for `status` and `cancel`, which cancels its trials too. One that somebody cancels,
    wherever that is, is FINALIZING or CANCELED before the first of its trials is: of any other, a trial that is
    CANCELED lagged behind, or was canceled alone. A trial's reference is good for whatever a run's is,
    `submit(..., after=ref)` included: FLEDGE_RUN_DIR holds what the trial left there. Raises UsageError or RunError,
    with what to do.

    sweep_tracker  the tracker by which trials tell the service their metric
    """

    sweep_tracker: ClassVar[str]

    @abstractmethod
    def plan_sweep(self, job: Job, search: Search) -> Request:
        """The request that would run this job with other values each time, and look for the best. Pure, as `plan` is.

        In the job's words `fledge.placeholder` stands for a key's value. Raises UsageError for a key for which none
        does, and for what the service cannot search.
        """

    @abstractmethod
    def submit_sweep(self, request: Request, key: str) -> RunRef:
        """Start it. Idempotent by key, as `submit` is."""

    @abstractmethod
    def trials(self, ref: RunRef) -> list[NativeTrial]:
        """Those that have begun, whether they have ended or not; sorted by number."""
