"""MLflow for fledge: runs are told of there, and trained models kept there."""

from fledge import Offer, hookimpl

_OPTIONS = "fledge_mlflow.options:MlflowOptions"


@hookimpl
def fledge_trackers() -> list[Offer]:
    return [
        Offer("mlflow", "fledge_mlflow.tracker:MlflowTracker", _OPTIONS, "runs in MLflow, on a server or in a file")
    ]


@hookimpl
def fledge_registries() -> list[Offer]:
    return [Offer("mlflow", "fledge_mlflow.registry:MlflowRegistry", _OPTIONS, "models in MLflow's model registry")]
