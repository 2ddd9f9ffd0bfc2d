"""`python -m fledge_ray_cluster.driver`: carries one submission through, on the cluster.

Ray executes it in the folder that travelled there, in which job.json says what to do. It writes what becomes of the
submission to its record in the run's storage: `stage`, `reason`, and once that is ENDED how.
"""

import json
import logging
import os
import signal
import sys
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayError
from ray.util.placement_group import PlacementGroup, placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from fledge_ray_cluster.log import Log
from fledge_ray_cluster.node import Node, logs_folder
from fledge_ray_cluster.storage import Storage, read, write

# BSD's EX_TEMPFAIL, which fledge's jobs end with when they are to be tried again.
TRY_AGAIN = 75
_POLL_SECONDS = 0.2
_SILENCE_SECONDS = 60.0
# Rank 0 waits no longer for it.
_NEWS_SECONDS = 10.0


class Refused(Exception):  # noqa: N818 -- the job cannot run here, and the record says why
    pass


class Driver:
    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._storage = Storage.of(job["run"], job["storage"])
        self._record: dict[str, Any] = {"token": uuid.uuid4().hex}
        self._log = Log(self._storage.run / "log", job["nodes"])
        self._canceled = False
        self._place: dict[str, Any] = {}

    def cancel(self, *_: object) -> None:
        """Ray's word that a person wants it to stop."""
        self._canceled = True

    def run(self) -> int:
        """The job's exit status, as a shell would have it."""
        told: dict[str, Any] = {"code": None, "lost": False, "preempted": False}
        try:
            self._storage.show(logs_folder())
            told["code"] = self._carry_through()
        except Refused as error:
            told |= {"code": 1, "reason": str(error)}
        except RayError as error:
            # Taken away as Ray was told beforehand; the word is Ray's for an actor that goes with its node.
            preempted = bool(getattr(error, "preempted", False))
            told |= {"lost": True, "preempted": preempted, "reason": self._what_was_lost(error, preempted)}
        self._log.close()
        told |= {"canceled": self._canceled, "words": self._log.last_words()}
        self._tell("ENDED", ended=datetime.now(UTC).isoformat(timespec="milliseconds"), **told)
        code: int | None = told["code"]
        return 1 if code is None else 128 - code if code < 0 else code

    def _tell(self, stage: str, reason: str = "", **more: Any) -> None:
        self._record |= {"stage": stage, "reason": reason, **more}
        write(self._storage.record(self._job["submission"]), self._record)

    def _carry_through(self) -> int | None:
        group = self._group()
        if group is None:
            return TRY_AGAIN
        self._tell("PREPARING")
        nodes = [self._node(group, number) for number in range(self._job["nodes"])]
        places = ray.get([node.prepare.remote(self._record["token"]) for node in nodes])
        for place in places:
            if place["missing"]:
                lacks = ", ".join(place["missing"])
                raise Refused(f"node {place['ip']} lacks {lacks}: pip install {' '.join(place['missing'])} there")
        self._place = places[0]
        write(self._storage.run / "place.json", {name: self._place[name] for name in ("node_id", "ip", "shared")})
        code: int | None = TRY_AGAIN
        tries = self._job["retries"] + 1
        while tries and not self._canceled and (code is None or code < 0 or code == TRY_AGAIN):
            self._tell("RUNNING")
            code, tries = self._attempt(nodes), tries - 1
        ray.wait([node.tidy.remote() for node in nodes], num_returns=len(nodes), timeout=_SILENCE_SECONDS)
        return code

    def _group(self) -> PlacementGroup | None:
        """Room on as many nodes; None where it was canceled before there was."""
        bundle = {name: amount for name, amount in self._job["bundle"].items() if amount}
        bundles = [dict(bundle) for _ in range(self._job["nodes"])]
        before = read(self._storage.run / "place.json")
        if before and not before["shared"]:
            here = f"node:{before['ip']}"
            if here not in ray.cluster_resources():
                raise Refused(
                    f"the files of the run are on node {before['ip']}, which is gone: bring it back; "
                    "or start anew, with backend.storage in a folder that all nodes share"
                )
            bundles[0][here] = 0.001
        room = ", ".join(f"{amount:g} {name}" for name, amount in bundle.items())
        self._tell("QUEUED", f"waits for {len(bundles)} {'node' if len(bundles) == 1 else 'nodes'} with {room} free")
        group: PlacementGroup = placement_group(bundles, strategy="STRICT_SPREAD" if len(bundles) > 1 else "PACK")
        while not group.wait(_POLL_SECONDS):
            if self._canceled:
                return None
        return group

    def _node(self, group: PlacementGroup, number: int) -> Any:
        bundle = self._job["bundle"]
        return (
            ray.remote(Node)
            .options(
                num_cpus=bundle["CPU"],
                num_gpus=bundle["GPU"],
                # One reads while another tells it to stop.
                max_concurrency=3,
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=number),
            )
            .remote(number, self._job)
        )

    def _attempt(self, nodes: list[Any]) -> int | None:
        """Run the command on every node; the exit code of the first that failed, or 0."""
        master = {"MASTER_ADDR": self._place["ip"], "MASTER_PORT": str(ray.get(nodes[0].free_port.remote()))}
        marks = {"FLEDGE_RUN_ID": self._job["id"], **(master if len(nodes) > 1 else {})}
        ray.get([node.start.remote({**marks, "NODE_RANK": str(rank)}) for rank, node in enumerate(nodes)])
        numbers = [0] * len(nodes)
        asked = {node.read.remote(0): rank for rank, node in enumerate(nodes)}
        heard = [time.monotonic()] * len(nodes)
        codes: list[int | None] = []
        word = ""
        while asked:
            if self._canceled and word != "cancel":
                word = "cancel"
                self._stop(nodes, word)
            for answer in ray.wait(list(asked), timeout=_POLL_SECONDS)[0]:
                rank = asked.pop(answer)
                try:
                    data, code, ended = ray.get(answer)
                    heard[rank], numbers[rank] = time.monotonic(), numbers[rank] + 1
                except ActorUnavailableError:
                    # A network that is away for a moment: the same is asked again, and nothing is missed.
                    if time.monotonic() - heard[rank] > _SILENCE_SECONDS:
                        raise
                    time.sleep(_POLL_SECONDS)
                    data, code, ended = b"", None, False
                except RayError:
                    self._stop([node for other, node in enumerate(nodes) if other != rank], "stop")
                    self._drain({key: other for key, other in asked.items() if other != rank}, nodes, numbers)
                    raise
                self._log.add(rank, data)
                if not ended:
                    asked[nodes[rank].read.remote(numbers[rank])] = rank
                    continue
                codes.append(code)
                if code != 0 and not word:
                    # The others wait for it in vain.
                    word = "stop"
                    self._hand_on(nodes, rank)
                    self._stop(nodes, word)
        return next((code for code in codes if code != 0), 0)

    def _hand_on(self, nodes: list[Any], failed: int) -> None:
        """Tell node 0, whose rank 0 has the run's last word, which process of another node failed first."""
        if failed == 0:
            return
        with suppress(RayError, GetTimeoutError):
            told = ray.get(nodes[failed].first_failure.remote(), timeout=_NEWS_SECONDS)
            if told:
                ray.get(nodes[0].learn.remote(told), timeout=_NEWS_SECONDS)

    def _stop(self, nodes: list[Any], word: str) -> None:
        try:
            ray.get([node.stop.remote(word) for node in nodes], timeout=_SILENCE_SECONDS)
        except (RayError, GetTimeoutError):
            # Its node is gone, which whoever reads from it hears as well.
            return

    def _drain(self, asked: dict[Any, int], nodes: list[Any], numbers: list[int]) -> None:
        """What the others say before they have stopped too."""
        deadline = time.monotonic() + self._job["grace"] + _SILENCE_SECONDS
        while asked and time.monotonic() < deadline:
            for answer in ray.wait(list(asked), timeout=_POLL_SECONDS)[0]:
                rank = asked.pop(answer)
                try:
                    data, _, ended = ray.get(answer)
                except RayError:
                    continue
                self._log.add(rank, data)
                numbers[rank] += 1
                if not ended:
                    asked[nodes[rank].read.remote(numbers[rank])] = rank

    def _what_was_lost(self, error: RayError, preempted: bool) -> str:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        how = "preempted" if preempted else "lost"
        why = f"a node of the run was {how}: {lines[0] if lines else type(error).__name__}"
        if self._place and not self._place["shared"]:
            why += f"; the run's files are on node {self._place['ip']}"
        return why


def main() -> int:
    driver = Driver(json.loads(Path("job.json").read_text(encoding="utf-8")))
    signal.signal(signal.SIGTERM, driver.cancel)
    ray.init(log_to_driver=False, logging_level=logging.ERROR)
    # Ray has put its own in its place.
    signal.signal(signal.SIGTERM, driver.cancel)
    return driver.run()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # What runs on the nodes has ended. Taking leave of Ray takes seconds, and Ray does as much when its driver is gone.
    os._exit(status)
