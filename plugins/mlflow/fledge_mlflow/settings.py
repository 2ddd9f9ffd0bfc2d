"""What this process's MLflow is told by its own environment variables."""

import os

# Whoever has set one of them keeps it.
_SETTINGS = {
    # MLflow's own have it wait for minutes on a server that is dead.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    # It would tell its makers of each use.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}

for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)
