"""Socket: jobs run by a server of this machine's, which is reached through its Unix socket."""

from pathlib import Path
from typing import Any, ClassVar

from fledge import ComputeBackend, Finding, FledgeError, Job, LogChunk, Progress, Request, RunRef, Status, UsageError

from acme_fledge.client import Client
from acme_fledge.options import SocketOptions
from acme_fledge.outcome import outcome
from acme_fledge.transfer import download, upload
from acme_fledge.wire import address, packed, unpacked


class Socket(ComputeBackend):
    """A reference holds the run's name on the server: the key of its first submission.

    Client and server share no folder: sources go, and files come, through the socket.
    """

    options: SocketOptions

    # About two seconds: time for a server to be started again, and not much to wait for one that is not.
    patience: ClassVar[int] = 4

    def check(self) -> list[Finding]:
        try:
            with self._server() as server:
                told = server.ask("hello")
        except FledgeError as error:
            return [Finding("error", error.message, error.hint or "")]
        return [Finding("ok", f"a server answers at {self.options.socket}; it has {told['runs']} runs")]

    def _plan(self, job: Job) -> dict[str, Any]:
        if job.resources.nodes != 1:
            raise UsageError(
                f"backend 'socket' is one machine, and the run asks for {job.resources.nodes} nodes",
                hint="choose another backend, or --set launcher.nodes=1",
            )
        told = {"argv": list(job.argv), "environment": dict(job.environment), "retries": job.retries}
        return {"socket": address(self.options.socket), **told}

    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef:
        known = self._find(key, after)
        if known:
            return known
        ref = _ref(key, after)
        with self._server() as server:
            for file in request.job.snapshot.files:
                upload(server, file)
            for name, content in request.job.files.items():
                server.ask("write", name=name, offset=0, data=packed(content.encode()), mode=0o644)
            told = {name: request.body[name] for name in ("argv", "environment", "retries")}
            server.ask_of("submit", ref, **told)
        return ref

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        ref = _ref(key, after)
        return ref if self._ask("find", ref)["found"] else None

    def _status(self, ref: RunRef) -> Status:
        return outcome(self._ask("status", ref))

    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        data = unpacked(self._ask("log", ref, cursor=cursor)["data"])
        return LogChunk(data, cursor + len(data))

    def _cancel(self, ref: RunRef) -> None:
        self._ask("cancel", ref)

    def _fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress) -> list[Path]:
        with self._server() as server:
            files = server.ask_of("files", ref, pattern=pattern)["files"]
            return [download(server, ref, file, dest) for file in files]

    def _server(self) -> Client:
        return Client(self.options.socket)

    def _ask(self, what: str, ref: RunRef, **told: Any) -> dict[str, Any]:
        with self._server() as server:
            return server.ask_of(what, ref, **told)


def _ref(key: str, after: RunRef | None) -> RunRef:
    return RunRef("socket", key, {"run": after.details["run"] if after else key})
