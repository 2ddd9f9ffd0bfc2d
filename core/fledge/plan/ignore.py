"""Which files of a source folder stay behind when the folder travels with a run."""

from pathlib import Path
from warnings import catch_warnings, simplefilter

from pathspec import GitIgnoreSpec

from fledge.errors import DataError

IGNORE_FILES = (".fledgeignore", ".amlignore", ".gitignore")

# Never sent, whatever an ignore file says: history, secrets, and what the receiving side makes itself.
ALWAYS = {
    "version control": [".git", ".hg", ".svn"],
    "secrets": [
        ".env", ".env.*", "*.env", "*.pem", "*.key", "*.pfx", "*.p12", "*.ppk", "*.jks", "*.keystore",
        "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".ssh/", ".gnupg/", ".aws/", ".azure/", ".docker/", ".kube/",
        ".netrc", ".npmrc", ".pypirc", ".git-credentials",
    ],
    "fledge's own": [".fledge/", "/outputs", "/logs"],
    "Python's own": ["__pycache__/", "*.pyc"],
}  # fmt: skip


class IgnoreRules:
    """The first of .fledgeignore, .amlignore and .gitignore in the folder, and the rules that always hold.

    The ignore files replace one another, they do not add up: what Azure ML does with its own.
    `home`, where runs are kept, stays behind too should it be somewhere in the folder.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self._home = home.relative_to(folder).as_posix() if home.is_relative_to(folder) else None
        self.file = next((folder / name for name in IGNORE_FILES if (folder / name).is_file()), None)
        self._always = {reason: GitIgnoreSpec.from_lines(lines) for reason, lines in ALWAYS.items()}
        try:
            with catch_warnings():
                # Of "[[", which Python's own patterns may mean otherwise one day, and no ignore file ever does.
                simplefilter("ignore", FutureWarning)
                self._told = GitIgnoreSpec.from_lines(self._lines())
        except ValueError as error:
            raise DataError(f"{self.file}: {error}", hint="it is written like a .gitignore") from None

    def reason(self, path: str, *, folder: bool) -> str | None:
        """Why this path (relative, with forward slashes) stays behind, or None where it travels."""
        seen = path + "/" if folder else path
        for reason, rules in self._always.items():
            # A file system may not tell .ENV from .env, and a key is a key in capitals.
            if rules.match_file(seen.lower()):
                return reason
        if folder and path == self._home:
            return "fledge's own"
        if self.file is not None and self._told.match_file(seen):
            return self.file.name
        return None

    def _lines(self) -> list[str]:
        if self.file is None:
            return []
        try:
            return self.file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{self.file} cannot be read: {error}") from None
