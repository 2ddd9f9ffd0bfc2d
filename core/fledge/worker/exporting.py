"""What `--with FORMAT` does: exports the run's best model as soon as there is one."""

import json

from fledge.discovery.catalog import Catalog
from fledge.exports import exported_name
from fledge.hooks import hookimpl
from fledge.interfaces.exporter import Exporter
from fledge.interfaces.run import RunInfo, Trained
from fledge.runs.places import cache
from fledge.runs.reporter import Reporter


class ExportsWhenTrained:
    """Told of a run's life as its extensions are."""

    def __init__(self, form: str, exporter: Exporter, catalog: Catalog, report: Reporter) -> None:
        self._exporter = exporter
        # Refused, if at all, before hours of training.
        self._name = exported_name(form, exporter.precision)
        self._catalog = catalog
        self._report = report

    @hookimpl
    def model_trained(self, run: RunInfo, trained: Trained) -> None:
        # Imports torch, which a script's run needs none of.
        from fledge.exporting.export import export

        report = self._report
        card = json.loads(trained.best.with_suffix(".json").read_text())
        path = run.outputs / self._name
        certificate = export(
            card, trained.best, self._exporter, path, self._catalog, cache(), report.progress, report.warn
        )
        faults = certificate.faults()
        # Not the run's failure: the trained model is as good as ever.
        if faults:
            report.warn(f"{path.name} does not answer as the model does: {'; '.join(faults)}")
        else:
            report.say(f"{path.name}: {certificate.summary()}")
