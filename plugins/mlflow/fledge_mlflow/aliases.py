"""Aliases: of a model's versions, also those that MLflow has no room for."""

import re
from collections.abc import Mapping

from fledge_mlflow.store import Store

# MLflow takes no dots, and keeps "latest" and "v1" for itself.
_TAKEN = re.compile(r"(?!v\d+$|latest$)[\w-]+", re.IGNORECASE)
_TAG = "fledge.alias."


class Aliases:
    """MLflow's own aliases (models:/birds@production), where it takes the name; others are tags of the model."""

    def __init__(self, store: Store, name: str) -> None:
        self._client = store.client
        self._name = name

    def set(self, alias: str, version: int) -> bool:
        """False where there is no such version."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.get_model_version(self._name, str(version))
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        if _TAKEN.fullmatch(alias):
            self._client.set_registered_model_alias(self._name, alias, str(version))
        else:
            self._client.set_registered_model_tag(self._name, f"{_TAG}{alias}", str(version))
        return True

    def all(self) -> Mapping[str, int]:
        """None for a model that is not there."""
        from mlflow.exceptions import MlflowException

        try:
            model = self._client.get_registered_model(self._name)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise
        tags = {key.removeprefix(_TAG): value for key, value in model.tags.items() if key.startswith(_TAG)}
        return {alias: int(version) for alias, version in {**model.aliases, **tags}.items()}
