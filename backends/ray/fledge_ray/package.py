"""Package: all that travels with a submission, in the archive that Ray hands to each node."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import fledge_ray_cluster
from fledge import Job, RunError, UsageError

# What a Ray dashboard takes in one request, less what is around it.
LIMIT = 100 * 2**20 - 2**16
_CHUNK = 1 << 20
# By the content alone: an archive's times would give each packing another name.
_TIME = (1980, 1, 1, 0, 0, 0)


class Package:
    """The files that run on the cluster, job.json, and below snapshot/ the job's own.

    Raises UsageError where it is more than Ray takes.
    """

    def __init__(self, told: dict[str, Any], job: Job) -> None:
        packed = io.BytesIO()
        modes = {file.target: file.source.stat().st_mode & 0o777 for file in job.snapshot.files}
        told = {**told, "modes": modes, "files": dict(job.files), "requirements": list(job.requirements)}
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(str(fledge_ray_cluster.__file__)).parent.glob("*.py")):
                archive.writestr(_member(f"fledge_ray_cluster/{path.name}"), path.read_bytes())
            archive.writestr(_member("job.json"), json.dumps(told))
            for file in job.snapshot.files:
                self._add(archive, packed, file.source, f"snapshot/{file.target}")
        self.content = packed.getvalue()

    @property
    def name(self) -> str:
        return f"_ray_pkg_fledge_{hashlib.sha256(self.content).hexdigest()[:32]}.zip"

    def _add(self, archive: zipfile.ZipFile, packed: io.BytesIO, source: Path, target: str) -> None:
        try:
            with source.open("rb") as file, archive.open(_member(target), "w", force_zip64=True) as member:
                while data := file.read(_CHUNK):
                    member.write(data)
                    if packed.tell() > LIMIT:
                        raise UsageError(
                            f"the source files of the run are more than {LIMIT / 2**20:.0f} MB packed, "
                            f"which is what a Ray cluster takes; {target.removeprefix('snapshot/')} is over it",
                            hint="name what should stay behind in a .fledgeignore file, or keep it on the nodes",
                        )
        except OSError as error:
            raise RunError(f"the run cannot be packed: {source}: {error.strerror}") from None


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _TIME)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member
