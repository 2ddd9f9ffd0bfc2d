"""Runs on Azure Machine Learning. Importing this must stay cheap: every command of fledge does it."""

from fledge import Offer, hookimpl

FLEDGE_API = 1


@hookimpl
def fledge_backends() -> list[Offer]:
    summary = "a compute cluster of an Azure Machine Learning workspace"
    return [Offer("azureml", "fledge_azureml.backend:AzureML", "fledge_azureml.options:AzureMLOptions", summary)]


@hookimpl
def fledge_trackers() -> list[Offer]:
    return [Offer("azureml", "fledge_azureml.tracker:AzureMLTracker", summary="the studio's metrics of a run there")]


@hookimpl
def fledge_registries() -> list[Offer]:
    summary = "models of an Azure Machine Learning workspace"
    return [
        Offer("azureml", "fledge_azureml.registry:AzureMLRegistry", "fledge_azureml.options:WorkspaceOptions", summary)
    ]
