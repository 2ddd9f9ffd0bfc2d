"""Microsoft's SDK v1, imported without a sound: what of it is used here, and nothing else."""

import logging
import os
import warnings

# Read when the SDK is imported: seconds that it waits where the service is overrun (429) or away (503), doubled each
# time. They are half a minute and up to ten, of which nobody hears; whoever asked tries again anyway.
for _pause in ("AZUREML_DEFAULT_BACKOFF", "AZUREML_DEFAULT_503_BACKOFF"):
    os.environ.setdefault(_pause, "2")
# They would speak on standard error, where nobody has asked them to.
for _logger in ("azure", "azureml", "cli", "msal", "msrest", "urllib3"):
    logging.getLogger(_logger).addHandler(logging.NullHandler())
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import requests
    from azure.core.exceptions import AzureError, ResourceExistsError, ServiceRequestError, ServiceResponseError
    from azure.identity import DefaultAzureCredential
    from azureml._restclient.workspace_client import WorkspaceClient
    from azureml._vendor.azure_storage.blob import BlobSasPermissions, generate_blob_sas
    from azureml.core import Datastore, Environment, Experiment, ScriptRunConfig, Workspace
    from azureml.core.authentication import TokenAuthentication
    from azureml.core.compute import AmlCompute, ComputeTarget
    from azureml.core.runconfig import (
        DataReferenceConfiguration,
        DockerConfiguration,
        MpiConfiguration,
        PyTorchConfiguration,
    )
    from azureml.exceptions import TrainingException
    from azureml.train.hyperdrive import (
        BanditPolicy,
        GridParameterSampling,
        HyperDriveConfig,
        PrimaryMetricGoal,
        RandomParameterSampling,
        parameter_expressions,
    )
    from azureml.train.restclients.hyperdrive import RestClient as HyperDriveClient
    from msrest.exceptions import ClientRequestError

__all__ = [
    "NO_ANSWER",
    "AmlCompute",
    "AzureError",
    "BanditPolicy",
    "BlobSasPermissions",
    "ComputeTarget",
    "DataReferenceConfiguration",
    "Datastore",
    "DefaultAzureCredential",
    "DockerConfiguration",
    "Environment",
    "Experiment",
    "GridParameterSampling",
    "HyperDriveClient",
    "HyperDriveConfig",
    "MpiConfiguration",
    "PrimaryMetricGoal",
    "PyTorchConfiguration",
    "RandomParameterSampling",
    "ResourceExistsError",
    "ScriptRunConfig",
    "TokenAuthentication",
    "TrainingException",
    "Workspace",
    "WorkspaceClient",
    "generate_blob_sas",
    "parameter_expressions",
    "requests",
]

# Of all of its errors, those that stand for a service that has not answered.
NO_ANSWER = (requests.ConnectionError, requests.Timeout, ClientRequestError, ServiceRequestError, ServiceResponseError)
