"""Logs: all that a job prints, in order, from any place on."""

from fledge.interfaces.backend import ComputeBackend
from fledge.testing.contracts.backends.jobs import Jobs


class Logs(Jobs):
    def test_logs_are_complete_and_in_order_from_any_cursor(self, backend: ComputeBackend) -> None:
        ref = self.start(backend, "import sys, time\nfor n in range(300): print('zeile', n, 'ü', flush=True)")
        whole = "".join(f"zeile {n} ü\n" for n in range(300)).encode()
        assert self.log(backend, ref) == whole
        assert self.log(backend, ref, follow=False) == whole
        chunks = list(backend.logs(ref))
        places = [chunk.cursor for chunk in chunks[:: max(1, len(chunks) // 5)]]
        # Within a letter, too.
        for cursor in (*places, 1, whole.index("ü".encode()) + 1, len(whole)):
            assert self.log(backend, ref, cursor=cursor) == whole[cursor:]
