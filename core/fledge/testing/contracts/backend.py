"""BackendContract: what every ComputeBackend promises."""

from fledge.interfaces.backend import ComputeBackend
from fledge.testing.contracts.backends.canceling import Canceling
from fledge.testing.contracts.backends.endings import Endings
from fledge.testing.contracts.backends.jobs import assert_findings
from fledge.testing.contracts.backends.logs import Logs
from fledge.testing.contracts.backends.outputs import Outputs
from fledge.testing.contracts.backends.overlap import Overlap
from fledge.testing.contracts.backends.submission import Submission


class BackendContract(Overlap, Outputs, Canceling, Logs, Endings, Submission):
    """Held by an offer, or by a fixture `backend` with a home of the test's own.

    Its jobs are short Python programs; to a backend that refuses to plan them (UsageError), what they would prove does
    not apply. Backends and references are pickled, to be asked in other processes.
    """

    def test_what_doctor_is_to_say_is_findings(self, backend: ComputeBackend) -> None:
        assert_findings(backend.check())
