"""What a data set or a model reads, brought into the run's folder of the workspace's blob store, once."""

from concurrent.futures import ThreadPoolExecutor

from fledge import DATA_FOLDER, Job

from fledge_azureml.workspace import Workspace

# In the run's folder there, beside the run's own files; the node program knows it too.
_FOLDER = "data/"
_AT_ONCE = 8


def bring(job: Job, run: str, workspace: Workspace) -> None:
    """Each file is there when this returns. Of one that was cut off, what is there already is not sent again.

    Raises RunError, transient where the same may go well later.
    """
    wanted = {_FOLDER + file.target.removeprefix(f"{DATA_FOLDER}/"): file.source for file in job.snapshot.data}
    if not wanted:
        return
    # A file there is whole, and a run's files never change.
    there = workspace.kept(run, _FOLDER)
    missing = ((name, source) for name, source in wanted.items() if name not in there)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        for sent in [pool.submit(workspace.keep, run, name, source) for name, source in missing]:
            sent.result()
    finally:
        # What one is refused, hundreds would be refused after it, each after a minute of trying.
        pool.shutdown(cancel_futures=True)
