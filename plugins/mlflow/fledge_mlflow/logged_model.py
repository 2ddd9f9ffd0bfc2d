"""A run's model among MLflow's logged models."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fledge_mlflow.flavour import describe
from fledge_mlflow.run_there import MODEL, RUN, RunThere


def log_model(there: RunThere, model: Path, card: Mapping[str, Any]) -> None:
    """The ONNX file `model`, with its signature, as a model of the run's. One that is not complete is never used."""
    from mlflow.entities import LoggedModelOutput

    client = there.store.client
    tags = {RUN: there.tags.get(RUN, ""), "fledge.weights_sha256": str(card.get("weights_sha256", ""))}
    made = client.create_logged_model(there.experiment, name="model", source_run_id=there.id, tags=tags)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        describe(model, card, folder, run_id=there.id, model_id=made.model_id, artifact_path=made.artifact_location)
        shutil.copyfile(model, folder / model.name)
        client.log_model_artifacts(made.model_id, str(folder))
    client.finalize_logged_model(made.model_id, "READY")
    client.log_outputs(there.id, [LoggedModelOutput(made.model_id, step=0)])
    there.log([], {}, {MODEL: made.model_id})
