"""Plan: exactly what will happen."""

from dataclasses import asdict, dataclass
from typing import Any

from fledge.digest import files_sha256
from fledge.discovery.plugin import Plugin
from fledge.interfaces.backend import Request
from fledge.interfaces.job import Job
from fledge.plan.lineage import Lineage
from fledge.spec.run_spec import RunSpec


@dataclass(frozen=True)
class Plan:
    """A run spec with every option settled, the job it comes to, and the request its backend would send.

    --dry-run prints this object, and submitting sends its request: there is no second way to make one.
    """

    spec: RunSpec
    job: Job
    request: Request
    plugins: tuple[Plugin, ...]
    lineage: Lineage

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        snapshot = self.job.snapshot
        return {
            "spec": self.spec.to_dict(),
            "plugins": {p.name: f"{p.distribution} {p.version}" for p in self.plugins},
            "job": {
                "name": self.job.name,
                "argv": list(self.job.argv),
                "rank": list(self.job.rank),
                "environment": dict(self.job.environment),
                "requirements": list(self.job.requirements),
                "launcher": self.job.launcher,
                **asdict(self.job.resources),
                "retries": self.job.retries,
                "snapshot": {
                    "size": snapshot.size,
                    # Of data the run itself has a fingerprint.
                    "sha256": files_sha256({file.target: file.source for file in snapshot.code}),
                    "files": {file.target: file.size for file in snapshot.files},
                    "left_out": dict(snapshot.left_out),
                    "left_names": {reason: list(names) for reason, names in snapshot.left_names.items()},
                },
            },
            "request": self.request.body,
            "lineage": self.lineage.to_dict(),
        }
