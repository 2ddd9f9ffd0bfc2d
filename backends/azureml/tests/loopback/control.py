"""Control: what tests ask of the loopback itself, over plain HTTP."""

import hashlib
from dataclasses import asdict

from loopback.machines import instance, is_instance
from loopback.state import BLOBSTORE, State
from loopback.trouble import Rule
from loopback.wire import Answer, Call


def answer(state: State, call: Call) -> Answer:
    match call.method, call.path:
        case "GET", "/control/seen":
            return Answer([asdict(one) for one in state.seen])
        case "GET", "/control/refused":
            return Answer(state.refused)
        case "GET", "/control/jobs":
            return Answer({job.work.name: job.status for job in state.jobs.all()})
        case "GET", "/control/stored":
            found = state.blobs.blobs(BLOBSTORE, call.query["prefix"])
            return Answer({one.name: f"{one.etag} {one.size}" for one in found if not one.folder})
        case "POST", "/control/trouble":
            state.trouble.add(Rule(**call.json))
        case "POST", "/control/peace":
            state.trouble.clear()
            for name in [name for name, one in state.clusters.items() if is_instance(one)]:
                del state.clusters[name]
        case "POST", "/control/instance":
            state.clusters[call.json["name"]] = instance(call.json["name"])
        case "POST", "/control/expire":
            state.tokens.expire()
        case "POST", "/control/evict":
            state.jobs.evict(**call.json)
        case "POST", "/control/damage":
            return Answer({"damaged": _damage(state, **call.json)})
        case _:
            return Answer({"message": f"no such control: {call.method} {call.path}"}, 404)
    return Answer({})


def _damage(state: State, sha256: str, lose: bool) -> int:
    """Change, or remove, every file of this content in the workspace's own store. Returns how many there were."""
    found = 0
    for blob in state.blobs.blobs(BLOBSTORE, ""):
        content = state.blobs.get(BLOBSTORE, blob.name) or b""
        if hashlib.sha256(content).hexdigest() == sha256:
            found += 1
            if lose:
                state.blobs.delete(BLOBSTORE, blob.name)
            else:
                state.blobs.put(BLOBSTORE, blob.name, content[::-1])
    return found
