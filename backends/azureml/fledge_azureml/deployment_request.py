"""What a deployment comes to: the typed request, as --dry-run prints it and `deploy` sends it."""

from fledge_azureml.request import Environment, Part, Wheel, WorkspaceName


class DeploymentRequest(Part):
    """
    endpoint     the address, and `deployment` what answers there, which is named after all that makes it what it is
    model        NAME/VERSION of the registry that it comes from
    file         of the model's files the one that answers
    """

    workspace: WorkspaceName
    endpoint: str
    deployment: str
    model: str
    file: str
    instance_type: str
    instance_count: int
    environment: Environment
    requirements: tuple[str, ...]
    wheels: tuple[Wheel, ...]
    environment_variables: dict[str, str]
    tags: dict[str, str]

    def command(self, words: str) -> str:
        """Of Azure's own command line, in this workspace."""
        return f"az ml {words} -g {self.workspace.resource_group} -w {self.workspace.workspace_name}"

    def deletion(self, deployment: str) -> str:
        """The command that gets rid of what is deployed there by that name."""
        return self.command(f"online-deployment delete --endpoint-name {self.endpoint} --name {deployment}")
