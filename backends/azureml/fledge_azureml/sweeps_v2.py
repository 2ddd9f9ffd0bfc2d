"""A sweep as SDK v2 words it."""

from typing import Any

from azure.ai.ml import Input, sweep
from azure.ai.ml.entities import Command, CommandJob, JobResourceConfiguration

from fledge_azureml.request import Parameter, SearchRequest


def words(search: SearchRequest) -> str:
    """What stands behind the command of a trial. Between marks, for the service puts a value there as it is."""
    return "".join(f" --{one.name}='${{{{search_space.{one.name}}}}}'" for one in search.parameters)


def swept(job: Command, inputs: dict[str, Input], search: SearchRequest) -> sweep.SweepJob:
    """A sweep whose trials are the job, and which is called as it is. The job's own inputs are a pipeline's by now."""
    trial = CommandJob(
        code=job.code,
        command=job.command,
        environment=job.environment,
        environment_variables=job.environment_variables,
        distribution=job.distribution,
        resources=JobResourceConfiguration(instance_count=job.resources.instance_count),
    )
    return sweep.SweepJob(
        name=job.name,
        display_name=job.display_name,
        experiment_name=job.experiment_name,
        compute=job.compute,
        inputs=inputs,
        outputs=job.outputs,
        tags=job.tags,
        properties=job.properties,
        trial=trial,
        search_space={one.name: _distribution(one) for one in search.parameters},
        sampling_algorithm=_sampling(search),
        objective=sweep.Objective(goal=search.goal, primary_metric=search.metric),
        early_termination=_policy(search),
        limits=sweep.SweepJobLimits(max_total_trials=search.trials, max_concurrent_trials=search.parallel),
    )


def _sampling(search: SearchRequest) -> sweep.SamplingAlgorithm:
    if search.sampling == "grid":
        return sweep.GridSamplingAlgorithm()
    return sweep.RandomSamplingAlgorithm(seed=search.seed)


def _policy(search: SearchRequest) -> sweep.BanditPolicy | None:
    told = search.early_end
    return told and sweep.BanditPolicy(
        slack_factor=told.slack_factor,
        evaluation_interval=told.evaluation_interval,
        delay_evaluation=told.delay_evaluation,
    )


def _distribution(one: Parameter) -> Any:
    match one.kind:
        case "choice":
            return sweep.Choice(list(one.values))
        case "uniform":
            return sweep.Uniform(one.low, one.high)
        case "loguniform":
            return sweep.LogUniform(one.low, one.high)
        case "quniform":
            return sweep.QUniform(one.low, one.high, q=1)
        case "qloguniform":
            return sweep.QLogUniform(one.low, one.high, q=1)
