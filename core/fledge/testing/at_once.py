"""`python -m fledge.testing.at_once PICKLE KEY COUNT`: so many processes submit one request under one key, all at once.

PICKLE, in hexadecimal, is of a backend and a request. Each one's reference is printed, as a line of JSON.
"""

import json
import os
import pickle
import sys

from fledge.testing.forked import Forked


def main() -> None:
    packed, key, count = sys.argv[1:]
    backend, request = pickle.loads(bytes.fromhex(packed))  # noqa: S301 -- what a contract has made
    gate, keeper = os.pipe()

    def submit() -> str:
        os.close(keeper)
        # Nobody writes: it ends when the last keeper of the gate has let go.
        os.read(gate, 1)
        return json.dumps(vars(backend.submit(request, key)))

    submitters = [Forked(submit) for _ in range(int(count))]
    os.close(keeper)
    for submitter in submitters:
        print(submitter.result())


if __name__ == "__main__":
    main()
