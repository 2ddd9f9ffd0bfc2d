"""Which version of a registered model a person means, and which of them one may rely on."""

import tempfile
from pathlib import Path

from fledge.certificate import Certificate
from fledge.digest import file_sha256
from fledge.errors import RegistryError, UnknownName, UsageError
from fledge.interfaces.registry import ModelVersion, Registry
from fledge.spec.names import NAME_PATTERN


def find_version(registry: Registry, text: str) -> ModelVersion:
    """By NAME (the newest), NAME/VERSION or NAME@ALIAS. Raises UnknownName, RegistryError for a damaged one."""
    if text.endswith(("@", "/")):
        # Half of a name is not the newest version's.
        raise UnknownName("version", text, [], hint="say NAME, NAME/VERSION or NAME@ALIAS")
    name, _, alias = text.partition("@")
    name, _, number = name.partition("/")
    if alias and number:
        raise UnknownName("version", text, [], hint="say NAME/VERSION or NAME@ALIAS, not both")
    fit = NAME_PATTERN.fullmatch(name)
    versions = {str(one.version): one for one in registry.versions(name)} if fit else {}
    damaged = {str(one): error for one, error in registry.damaged(name).items()} if fit else {}
    known = sorted([*versions, *damaged], key=int)
    if not known:
        raise UnknownName("model", name, registry.names(), hint=None if registry.names() else "none is registered yet")
    if alias:
        aliases = registry.aliases(name)
        if alias not in aliases:
            raise UnknownName("version", text, [f"{name}@{one}" for one in aliases])
        number = str(aliases[alias])
    if not number:
        number = known[-1]
        if number in damaged and versions:
            # An older one in its stead would be an answer by another model, and nobody would know.
            error, whole = damaged[number], list(versions)[-1]
            raise RegistryError(error.message, hint=f"{error.hint}; the newest that is whole: {name}/{whole}")
    if number in damaged:
        raise damaged[number]
    if number not in versions:
        raise UnknownName("version", text, [f"{name}/{one}" for one in known])
    return versions[number]


def promote(registry: Registry, version: ModelVersion, alias: str) -> dict[str, list[str]]:
    """Have `alias` mean this version from now on; what is wrong with those of its exported files that are no good.

    Raises RegistryError where no exported file of it is proved to answer as the model does, or one is of other bytes.
    """
    if not NAME_PATTERN.fullmatch(alias):
        raise UsageError(f"{alias!r} cannot be an alias", hint="letters, digits, '.', '_' and '-'")
    if alias.isdigit():
        raise UsageError(f"{alias!r} cannot be an alias: it would be taken for a version", hint="such as production")
    who, proofs = f"{version.name}/{version.version}", certificates(version)
    if not proofs:
        raise RegistryError(
            f"{who} has no parity certificate: nobody has proved that it answers outside of PyTorch as in it",
            hint=remedy(version),
        )
    with tempfile.TemporaryDirectory() as folder:
        # Whatever its record says: of the very bytes that whoever asks for it will be given.
        registry.fetch(version.name, version.version, Path(folder))
        for file, certificate in proofs.items():
            found = file_sha256(Path(folder, file)) if file in version.files else "none"
            if found != certificate.file_sha256:
                raise RegistryError(
                    f"{who}: the certificate of {file} is one of other bytes "
                    f"(sha256 {found[:12]}…, certified {certificate.file_sha256[:12]}…)",
                    hint=remedy(version),
                )
    wrong = {file: faults for file, certificate in proofs.items() if (faults := certificate.faults())}
    if len(wrong) == len(proofs):
        told = "; ".join(f"its {file} does not answer as the model does: {'; '.join(wrong[file])}" for file in wrong)
        raise RegistryError(f"{who} is not promoted, for {told}", hint=remedy(version))
    registry.set_alias(version.name, alias, version.version)
    return wrong


def certificates(version: ModelVersion) -> dict[str, Certificate]:
    """Of its exported files, by name. Raises DataError."""
    exports = version.card.get("exports") or {}
    return {file: Certificate.of(told, f"{version.name}/{version.version}, {file}") for file, told in exports.items()}


def remedy(version: ModelVersion) -> str:
    """How a model that was registered without an exported file that is any good comes to one: as the next version."""
    name, number = version.name, version.version
    made = certificates(version).get("model.onnx")
    # The same again would be at fault again; another opset computes by other operators.
    differently = " --opset 20" if made and made.faults() else ""
    return (
        f"fledge export {name}/{number}{differently}, and then: "
        f"fledge models register {name}-{number}.onnx --name {name}"
    )
