"""What a region has of machines and what a subscription may have of them; and the nodes of a cluster at the moment.

The sizes and limits are made up, in the shape that Microsoft's examples have.
"""

from typing import Any

from loopback.state import REGION, WS, State
from loopback.wire import Answer, Call, Routes, refusal

_ABSENT = 404
_PLACE = f"/subscriptions/{{subscription}}/providers/Microsoft.MachineLearningServices/locations/{REGION}"
_KIND = "Microsoft.MachineLearningServices"
# By name: family, cores, GPUs.
_SIZES = {
    "Standard_NC4as_T4_v3": ("standardNCASv3_T4Family", 4, 1),
    "Standard_NC24ads_A100_v4": ("standardNCADSA100v4Family", 24, 1),
    # One of next year's.
    "Standard_NC12_Next_v9": ("standardNCNextFamily", 12, 2),
    "Standard_DS3_v2": ("standardDSv2Family", 4, 0),
    "Standard_DS5_v2": ("standardDSv2Family", 16, 0),
}
# By family: cores in use, and the limit.
_DEDICATED = {
    "standardNCASv3_T4Family": (4, 16),
    "standardNCADSA100v4Family": (0, 0),
    "standardNCNextFamily": (0, 100),
    "standardDSv2Family": (0, 100),
}
_ALL, _ALL_LOW = (4, 200), (0, 8)
_NO_LIMIT = (0, -1)


def routes(state: State) -> Routes:
    routes = Routes()

    @routes.on("GET", f"{_PLACE}/vmSizes")
    def sizes(call: Call, **place: str) -> Answer:
        told = [_size(name) for name in _SIZES]
        # The older versions of this interface, which SDK v1 speaks, have another word for the list.
        return Answer({"amlCompute": told, "value": told})

    @routes.on("GET", f"{_PLACE}/usages")
    def usages(call: Call, **place: str) -> Answer:
        told = [_usage(name, "vmFamily/dedicatedCores", counts) for name, counts in _DEDICATED.items()]
        told += [_usage(name, "vmFamily/lowPriorityCores", _NO_LIMIT) for name in _DEDICATED]
        told += [_usage("TotalDedicatedCores", "totalDedicatedCores", _ALL)]
        told += [_usage("TotalLowPriorityCores", "totalLowPriorityCores", _ALL_LOW)]
        return Answer({"value": told})

    @routes.on("POST", "{ws}/computes/{name}/listNodes")
    def nodes(call: Call, name: str, **place: str) -> Answer:
        cluster = state.clusters.get(name.lower())
        if cluster is None:
            return refusal(_ABSENT, "ResourceNotFound", f"There is no compute {name}.")
        return Answer({"nodes": _nodes(state, cluster)})

    return routes


def instance(name: str) -> dict[str, Any]:
    """A compute that is no cluster: one person's machine, as the studio makes them."""
    return {
        "id": f"{WS}/computes/{name}",
        "name": name,
        "type": f"{_KIND}/workspaces/computes",
        "location": REGION,
        "tags": {},
        "properties": {
            "computeType": "ComputeInstance",
            "computeLocation": REGION,
            "provisioningState": "Succeeded",
            "createdOn": "2026-01-01T00:00:00Z",
            "modifiedOn": "2026-01-01T00:00:00Z",
            "properties": {
                "vmSize": "Standard_DS3_v2",
                "state": "Running",
                "applicationSharingPolicy": "Personal",
                "sshSettings": {"sshPublicAccess": "Disabled"},
                "createdBy": {"userName": "Hen"},
            },
        },
    }


def is_instance(compute: dict[str, Any]) -> bool:
    return bool(compute["properties"]["computeType"] == "ComputeInstance")


def _size(name: str) -> dict[str, Any]:
    family, cores, gpus = _SIZES[name]
    return {
        "name": name,
        "family": family,
        "vCPUs": cores,
        "gpus": gpus,
        "osVhdSizeMB": 1047552,
        "maxResourceVolumeMB": 180224,
        "memoryGB": 7.0 * cores,
        "lowPriorityCapable": True,
        "premiumIO": True,
        "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
    }


def _usage(name: str, kind: str, counts: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": f"/providers/{_KIND}/locations/{REGION}/usages/{name}",
        "type": f"{_KIND}/{kind}/usages",
        "unit": "Count",
        "currentValue": counts[0],
        "limit": counts[1],
        "name": {"value": name, "localizedValue": f"{name} Cluster vCPUs"},
    }


def _nodes(state: State, cluster: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that work, and idle ones to make up what is always kept."""
    name = cluster["name"].lower()
    working = [job.work for job in state.jobs.all() if job.work.cluster.lower() == name and job.status == "Running"]
    told = [{"nodeState": "running", "runId": work.name} for work in working for _ in range(work.nodes)]
    least = cluster["properties"]["properties"]["scaleSettings"]["minNodeCount"]
    told += [{"nodeState": "idle"}] * (least - len(told))
    return [{"nodeId": f"tvm-{number}", "port": 50000 + number, **one} for number, one in enumerate(told)]
