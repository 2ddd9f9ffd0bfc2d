"""Which version of a registered model a person means, and which of them one may rely on."""

from fledge.certificate import Certificate
from fledge.errors import RegistryError, UnknownName, UsageError
from fledge.interfaces.registry import ModelVersion, Registry
from fledge.spec.names import NAME_PATTERN


def find_version(registry: Registry, text: str) -> ModelVersion:
    """By NAME (the newest), NAME/VERSION or NAME@ALIAS. Raises UnknownName."""
    if text.endswith(("@", "/")):
        # Half of a name is not the newest version's.
        raise UnknownName("version", text, [], hint="say NAME, NAME/VERSION or NAME@ALIAS")
    name, _, alias = text.partition("@")
    name, _, number = name.partition("/")
    versions = registry.versions(name) if NAME_PATTERN.fullmatch(name) else []
    if not versions:
        raise UnknownName("model", name, registry.names(), hint=None if registry.names() else "none is registered yet")
    if alias:
        aliases = registry.aliases(name)
        if alias not in aliases:
            raise UnknownName("version", text, [f"{name}@{one}" for one in aliases])
        number = str(aliases[alias])
    if not number:
        return versions[-1]
    for version in versions:
        if str(version.version) == number:
            return version
    raise UnknownName("version", text, [f"{name}/{version.version}" for version in versions])


def promote(registry: Registry, version: ModelVersion, alias: str) -> None:
    """Have `alias` mean this version from now on.

    Raises RegistryError where no exported file of it is proved to answer as the model does, or one is proved not to.
    """
    if not NAME_PATTERN.fullmatch(alias):
        raise UsageError(f"{alias!r} cannot be an alias", hint="letters, digits, '.', '_' and '-'")
    who, exports = f"{version.name}/{version.version}", version.card.get("exports") or {}
    if not exports:
        raise RegistryError(
            f"{who} has no parity certificate: nobody has proved that it answers outside of PyTorch as in it",
            hint=remedy(version),
        )
    for file, told in exports.items():
        if told.get("file_sha256") != version.files.get(file):
            raise RegistryError(f"{who}: the certificate of {file} is one of other bytes", hint=remedy(version))
        if faults := Certificate.of(told, f"{who}, {file}").faults():
            raise RegistryError(
                f"{who} is not promoted, for its {file} does not answer as the model does: {'; '.join(faults)}",
                hint="export it anew from another opset or precision, or leave that file out",
            )
    registry.set_alias(version.name, alias, version.version)


def remedy(version: ModelVersion) -> str:
    """How a model that was registered without an exported file comes to one: as the next version."""
    return (
        f"fledge export {version.run}, and then once more: fledge models register {version.run} --name {version.name}"
    )
