"""Sweeps as SDK v1 has them: what HyperDrive is told of a search, and how its runs are submitted and canceled."""

import warnings
from typing import Any

from fledge_azureml.request import Parameter, SearchRequest
from fledge_azureml.v1_sdk import (
    BanditPolicy,
    GridParameterSampling,
    HyperDriveClient,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    TrainingException,
    WorkspaceClient,
    parameter_expressions,
)

_SAMPLINGS = {"random": RandomParameterSampling, "grid": GridParameterSampling}
_GOALS = {"maximize": PrimaryMetricGoal.MAXIMIZE, "minimize": PrimaryMetricGoal.MINIMIZE}


def configuration(search: SearchRequest, trial: Any, name: str) -> Any:
    """What is submitted: a HyperDriveConfig. Each trial is as the ScriptRunConfig `trial`, which has to start a script:
    to a command HyperDrive tells no values, and does not say so (github.com/microsoft/hi-ml/issues/917)."""
    early = search.early_end
    # No seed: HyperDrive's published REST API has no place for one.
    sampling = _SAMPLINGS[search.sampling]({f"--{one.name}": _expression(one) for one in search.parameters})
    printing = warnings.formatwarning
    try:
        return HyperDriveConfig(
            hyperparameter_sampling=sampling,
            primary_metric_name=search.metric,
            primary_metric_goal=_GOALS[search.goal],
            max_total_runs=search.trials,
            max_concurrent_runs=search.parallel,
            policy=BanditPolicy(**early.model_dump()) if early else None,
            run_config=trial,
            custom_run_id=name,
        )
    finally:
        # Which it changes for the whole process.
        warnings.formatwarning = printing


def _expression(parameter: Parameter) -> Any:
    made = getattr(parameter_expressions, parameter.kind)
    if parameter.kind == "choice":
        return made(list(parameter.values))
    step = (1,) if parameter.whole else ()
    return made(parameter.low, parameter.high, *step)


def submit(experiment: Any, made: Any, tags: dict[str, str]) -> None:
    try:
        experiment.submit(made, tags=tags)
    except TrainingException as error:
        # Of what the service has refused it says to try again later.
        raise error.inner_exception or error from None


def body(made: Any, trial: dict[str, Any], experiment: str) -> dict[str, Any]:
    """What is sent of a HyperDriveConfig, but for what the workspace has: its addresses, and the id of the uploaded
    code. trial is the body of its ScriptRunConfig."""
    return {
        "name": experiment,
        "generator_config": made._generator_config,
        "policy_config": made._policy_config,
        "primary_metric_config": made._primary_metric_config,
        "max_total_jobs": made._max_total_runs,
        "max_concurrent_jobs": made._max_concurrent_runs,
        "max_duration_minutes": made._max_duration_minutes,
        "platform": made._platform,
        "platform_config": {"Definition": {"Overrides": trial, "SnapshotId": "SNAPSHOT"}},
    }


def is_sweep(run: Any) -> bool:
    """Of a run as its history tells it."""
    return str(run.run_type).lower() == "hyperdrive"


def cancel(workspace: Any, run: Any) -> None:
    """With all its trials. run is a sweep."""
    context = workspace.service_context
    experiment = WorkspaceClient(context).get_experiment_by_id(run.experiment_id).name
    # As the SDK has it: without the slash that it begins with.
    scope = context._get_experiment_scope(experiment).lstrip("/")
    # The SDK's own class for it first makes a configuration anew of what the run's tags say of it.
    client = HyperDriveClient(scope, workspace._auth_object, f"{context._get_hyperdrive_url()}/hyperdrive/v1.0")
    client.cancel_experiment(run.run_id, context._get_run_history_url())
