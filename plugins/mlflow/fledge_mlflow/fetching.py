"""Files from MLflow's artifacts, none of which is handed out unless it is what was put there."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from fledge import RegistryError, file_sha256

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository


def fetched(files: "ArtifactRepository", digests: Mapping[str, str], dest: Path, what: str) -> list[Path]:
    """`digests` maps paths to SHA-256. Raises RegistryError for `what` where one is missing or another."""
    done: list[Path] = []
    dest.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=dest, prefix=".fetched-") as temporary:
        for path, expected in digests.items():
            try:
                found = Path(files.download_artifacts(path, dst_path=temporary))
            except Exception as error:
                if _is_missing(error):
                    raise RegistryError(f"{what} is damaged: its file {path} is missing", hint=_AGAIN) from None
                raise
            if file_sha256(found) != expected:
                raise RegistryError(f"{what} is damaged: {path} is not the file that was registered", hint=_AGAIN)
            target = dest / path
            target.parent.mkdir(parents=True, exist_ok=True)
            found.replace(target)
            done.append(target)
    return done


def _is_missing(error: Exception) -> bool:
    if isinstance(error, requests.HTTPError):
        return error.response is not None and error.response.status_code == 404
    # What a folder's store raises has no class of its own.
    return isinstance(error, FileNotFoundError) or "No such" in str(error)


_AGAIN = "register its run again, which makes another version"
