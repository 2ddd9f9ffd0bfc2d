"""`fledge serve MODEL --port 0`, with less time for those who are slow: called by its path."""

import sys
from pathlib import Path

from fledge.cli.context import context
from fledge.inference.classifier import Classifier
from fledge.serving.app import make_app
from fledge.serving.limits import Limits
from fledge.serving.serve import listening, serve

LIMITS = Limits(seconds=5)


def main() -> None:
    at = listening("127.0.0.1", 0, token=None)
    classifier = Classifier.open(Path(sys.argv[1]), context().catalog)
    app = make_app(classifier, token=None, limits=LIMITS, loopback=True)
    told = f"{sys.argv[1]} answers at http://127.0.0.1:{at.getsockname()[1]}"
    serve(app, at, LIMITS, lambda: print(told, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main()
