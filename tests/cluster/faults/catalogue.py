"""The table of faults: how each is provoked, and how the client has to report it.

To add one: an entry here or in a module beside it, and its preparation in arrange.py (before the
client starts) or its provocation in scene.py (while the agent runs).
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from tests.cluster.faults import arrange, scene
from tests.cluster.faults.admission_faults import ADMISSION
from tests.cluster.faults.agent import MIB, build_compressible, build_incompressible
from tests.cluster.faults.connection_faults import CONNECTION
from tests.cluster.faults.fault import ALONE, HANG, LATE, NODE2, Fault
from tests.cluster.faults.images import OLD, WRONG_ARCHITECTURE, name_image
from tests.cluster.faults.injection_faults import INJECTED
from tests.cluster.faults.kubelet_faults import KUBELET
from tests.cluster.faults.placement_faults import PLACEMENT
from tests.cluster.faults.policy_faults import POLICY
from tests.cluster.faults.registry_faults import REGISTRIES
from tests.cluster.faults.servers import CLOSED_REGISTRY, REFUSAL, REGISTRY
from tests.servers.http_server import Exchange
from tests.servers.reverse_proxy import CutShort, Shape
from tests.validation import parse_valid, subtype

LATE_LABEL = "faults.test/late"


def image(mode: str) -> tuple[str, ...]:
    return ("--agent", "image", "--image", name_image(mode))


def expect_data(data: dict[str, str], document: str) -> None:
    # As JSON: a stock YAML parser takes minutes for the larger ones.
    (measurement,) = (m for m in json.loads(document)["measurements"] if m["type"] == "OS")
    assert measurement["subtypes"][0]["data"] == data


def expect_built(build: Callable[[int], dict[str, str]], size: int, document: str) -> None:
    expect_data(build(size), document)


def expect_own(document: str) -> None:
    """Expect the real agent's document."""
    assert subtype(parse_valid(document), "OS", "release").status == "ok"


def expect_partial(document: str) -> None:
    """Expect the readings from before the agent was stopped, and the gap of the rest."""
    snapshot = parse_valid(document)
    assert subtype(snapshot, "OS", "release").status == "ok"
    assert "SystemD.containerd.service=timeout" in snapshot.metadata["gaps"]


def expect_late(document: str) -> None:
    expect_data({"kernel.osrelease": "6.1"}, document)


def cut_watches() -> Shape:
    """Cut each watch after its first event, the first five times."""
    return cut_after_first("watch=true", 5)


def cut_logs() -> Shape:
    """Cut the log in the middle, the first three times."""
    return cut_after_first("/log", 3)


def cut_every_log() -> Shape:
    """Cut each log before its first byte."""

    def shape(exchange: Exchange, pieces: Iterator[bytes]) -> Iterable[bytes]:
        if "/log" in exchange.path and "follow" in exchange.path:
            raise CutShort
        yield from pieces

    return shape


def hold_watches() -> Shape:
    """Pass no event of a watch on."""

    def shape(exchange: Exchange, pieces: Iterator[bytes]) -> Iterable[bytes]:
        if "watch=true" in exchange.path:
            exchange.stopped.wait()
            return
        yield from pieces

    return shape


def cut_after_first(mark: str, times: int) -> Shape:
    left = [None] * times

    def shape(exchange: Exchange, pieces: Iterator[bytes]) -> Iterable[bytes]:
        for piece in pieces:
            yield piece
            if mark in exchange.path and left:
                left.pop()
                raise CutShort

    return shape


def read_slowly() -> Shape:
    """Read the log at one megabyte per second."""

    def shape(exchange: Exchange, pieces: Iterator[bytes]) -> Iterable[bytes]:
        for piece in pieces:
            if "/log" in exchange.path:
                exchange.stopped.wait(len(piece) / MIB)
            yield piece

    return shape


def stall_once() -> Shape:
    """Stop reading the first log stream until after the rotation, then cut it."""
    has_stalled = threading.Event()

    def shape(exchange: Exchange, pieces: Iterator[bytes]) -> Iterable[bytes]:
        if "/log" in exchange.path and "follow" in exchange.path and not has_stalled.is_set():
            has_stalled.set()
            yield next(pieces)
            exchange.stopped.wait(16)
            raise CutShort
        yield from pieces

    return shape


UNSCHEDULABLE = {
    "no node has the label": Fault(
        ("--node-selector", "no=such"), 3, ("no node matches no=such", "didn't match")
    ),
    "no node has the name": Fault(("--node", "node99"), 3, ('node "node99" not found',)),
    "untolerated taint": Fault(
        ("--node", "node1", "--toleration", "other=x:NoSchedule"),
        3,
        ("no node accepts the agent's pod: untolerated taint", "--toleration"),
        partial(arrange.with_taint, node="node1"),
    ),
    "insufficient CPU: a webhook asks for 500": Fault(
        (),
        6,
        ("insufficient cpu", "--wait-for-schedule"),
        partial(arrange.with_webhook, name="hunger"),
    ),
    "a volume that a webhook added": Fault(
        (),
        3,
        ("waits for a volume", "nobody-made-it"),
        partial(arrange.with_webhook, name="volume"),
    ),
    "a node that comes late, --wait-for-schedule": Fault(
        ("--node-selector", f"{LATE_LABEL}=yes", "--wait-for-schedule"),
        arrange=partial(arrange.with_label_to_come, node="node1", label=LATE_LABEL),
        provoke=partial(scene.label_node_late, node="node1", label=LATE_LABEL),
        waits_for_run=False,
        check=expect_own,
    ),
    "a node that never comes, --wait-for-schedule": Fault(
        ("--node-selector", "no=such", "--wait-for-schedule"),
        5,
        ("no result within TIMEOUT", "didn't match"),
        timeout_s=8,
        tries=3,
    ),
}
IMAGES = {
    "image not found": Fault(
        ("--image", f"{REGISTRY}/missing:1"), 3, (f"image {REGISTRY}/missing:1 not found",)
    ),
    "image needs credentials": Fault(
        ("--image", f"{REGISTRY}/private:1"),
        4,
        ("is not authorized to pull image", "--image-pull-secret"),
    ),
    "registry rate limit": Fault(
        ("--image", f"{REGISTRY}/limited:1"), 7, ("rate limit for pulls", "mirror")
    ),
    "registry unreachable": Fault(
        ("--image", f"{CLOSED_REGISTRY}/none:1"), 6, ("cannot reach the registry",)
    ),
    "image of another architecture": Fault(
        ("--image", f"{REGISTRY}/foreign:1"), 2, ("does not support the architecture of node",)
    ),
    "python3 of another architecture": Fault(
        ("--image", name_image(WRONG_ARCHITECTURE)),
        2,
        ("does not support the architecture of node", "exec format error"),
    ),
    "invalid image reference": Fault(("--image", "Not An Image"), 2, ("Not An Image",)),
    "image without Python": Fault(
        ("--image", "registry.k8s.io/pause:3.10"), 2, ("has no python3", "Python 3.9 or newer")
    ),
    "Python too old": Fault(
        ("--image", name_image(OLD)), 2, ("is too old", "the image has 3.8", "Python 3.9 or newer")
    ),
    "--agent image without the program": Fault(
        ("--agent", "image"), 2, ("python:3.11-slim does not contain kubectl-snapshot",)
    ),
}
REFUSED = {
    "Pod Security, from the pod's rejection": Fault(
        (),
        4,
        (
            "Pod Security of namespace",
            "rejects the agent's pod",
            "violates PodSecurity",
            "--privileged=false",
        ),
        arrange.as_blind_user,
    ),
    "webhook denies the pod": Fault(
        (),
        4,
        ("webhook refuse.faults.test denied", REFUSAL),
        partial(arrange.with_webhook, name="refuse"),
    ),
    "webhook does not respond": Fault(
        (),
        6,
        ("webhook refuse.faults.test does not respond",),
        partial(arrange.with_webhook, name="refuse", is_up=False),
    ),
    "quota": Fault(
        (),
        4,
        ("exceeds the quota of namespace", "exceeded quota: tight"),
        partial(arrange.with_object, resource="resourcequotas", spec={"hard": {"pods": "0"}}),
    ),
    "quota that is lifted, --wait-for-schedule": Fault(
        ("--wait-for-schedule",),
        arrange=partial(
            arrange.with_object, resource="resourcequotas", spec={"hard": {"pods": "0"}}
        ),
        provoke=scene.lift_quota,
        waits_for_run=False,
        check=expect_own,
        within_s=40,
    ),
    "LimitRange": Fault(
        (),
        4,
        ("a LimitRange of namespace", "maximum memory usage per Container is 64Mi"),
        partial(
            arrange.with_object,
            resource="limitranges",
            spec={"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
        ),
    ),
    "runtime class missing": Fault(
        ("--runtime-class", "missing"), 3, ('runtime class "missing" not found',)
    ),
    "service account missing": Fault(
        ("--service-account-name", "missing"), 3, ('service account "missing" not found',)
    ),
}
MID_RUN = {
    "OOM-killed": Fault(image("eat-memory"), 8, ("ran out of memory", "OOMKilled")),
    "crash": Fault(image("crash"), 8, ("exited without a result", "the collector's table")),
    "evicted for its disk": Fault(
        image("fill-disk"),
        6,
        ("terminated the agent's pod: Evicted", "ephemeral"),
        arrange.with_disk_limit,
        within_s=60,
    ),
    "evicted as by a drain": Fault(
        HANG, 6, ("evicted from node node1", "EvictionByEvictionAPI"), provoke=scene.evict
    ),
    "pod deleted": Fault(HANG, 8, ("pod was deleted before its result",), provoke=scene.delete_pod),
    "Job deleted": Fault(HANG, 8, ("was deleted by another client",), provoke=scene.delete_job),
    "namespace deleted": Fault(
        HANG, 3, ("namespace", "was deleted during the capture"), provoke=scene.delete_namespace
    ),
    "credentials revoked": Fault(
        HANG,
        4,
        ("the credentials expired or were revoked",),
        arrange.as_account,
        provoke=scene.delete_account,
        within_s=40,
        is_left=True,
    ),
    "deadline": Fault(HANG, 5, ("no result within TIMEOUT", "is Running"), timeout_s=6, tries=3),
    "watches cut": Fault(
        LATE, arrange=partial(arrange.behind_proxy, shape=cut_watches), check=expect_late
    ),
    "log cut": Fault(
        LATE, arrange=partial(arrange.behind_proxy, shape=cut_logs), check=expect_late
    ),
    "log always cut": Fault(
        HANG,
        6,
        ("is cut each time it is read",),
        partial(arrange.behind_proxy, shape=cut_every_log),
        within_s=30,
    ),
    "watches buffered by a proxy": Fault(
        arrange=partial(arrange.behind_proxy, shape=hold_watches), check=expect_own
    ),
    "ConfigMap deleted before it is mounted": Fault(
        (),
        8,
        ("ConfigMap", "was deleted by another client"),
        partial(arrange.with_object_deleted, resource="configmaps"),
    ),
    "Secret deleted before it is mounted": Fault(
        (),
        8,
        ("Secret", "was deleted by another client"),
        partial(arrange.with_object_deleted, resource="secrets"),
    ),
    "checksum wrong": Fault(image("damage"), 8, ("corrupt", "SHA-256")),
    "Ctrl-C": Fault(HANG, 130, provoke=partial(scene.send_signal, number=signal.SIGINT)),
    "SIGTERM": Fault(HANG, 143, provoke=partial(scene.send_signal, number=signal.SIGTERM)),
    "SIGHUP": Fault(HANG, 129, provoke=partial(scene.send_signal, number=signal.SIGHUP)),
}
NODES = {
    "kubelet dead before the start": Fault(
        (),
        6,
        ("node node2 does not respond", "refused"),
        partial(arrange.with_fault, node="node2", what="kubelet"),
        lane=NODE2,
    ),
    "kubelet dies": Fault(
        HANG,
        6,
        ("node node2 does not respond",),
        partial(arrange.repaired_after, node="node2", what="kubelet"),
        partial(scene.break_node, node="node2", what="kubelet"),
        lane=NODE2,
    ),
    "container runtime dies": Fault(
        HANG,
        6,
        ("node node2 does not respond",),
        partial(arrange.repaired_after, node="node2", what="containerd"),
        partial(scene.break_node, node="node2", what="containerd"),
        lane=NODE2,
    ),
    "node without network": Fault(
        HANG,
        6,
        ("node node2 does not respond",),
        partial(arrange.repaired_after, node="node2", what="network"),
        partial(scene.break_node, node="node2", what="network"),
        lane=NODE2,
    ),
    "container runtime hangs": Fault(
        (),
        5,
        ("no result within TIMEOUT", "the pod on node2 is Pending"),
        partial(arrange.with_fault, node="node2", what="containerd"),
        timeout_s=12,
        tries=3,
        lane=NODE2,
    ),
    "kubelet serves no logs": Fault(
        (),
        8,
        ("does not serve container logs", "--local"),
        partial(arrange.without_logs, node="node2"),
        lane=NODE2,
    ),
    "pod deleted while a collector hangs": Fault(
        arrange=partial(arrange.with_systemd_stopped, node="node2"),
        provoke=scene.delete_pod,
        check=expect_partial,
        lane=NODE2,
    ),
    "API server restarted": Fault(
        LATE, provoke=scene.restart_api_server, check=expect_late, lane=ALONE, within_s=40
    ),
}
TRANSPORT = {
    "document of 30 MB": Fault(
        image("30mb"), check=partial(expect_built, build_compressible, 30_000_000), within_s=40
    ),
    "frame of 8 MiB": Fault(
        image("8mib"), check=partial(expect_built, build_incompressible, 8 * MIB)
    ),
    "frame of 20 MiB, twice the rotation": Fault(
        image("20mib"),
        check=partial(expect_built, build_incompressible, 20 * MIB),
        within_s=40,
        tries=3,  # on a busy machine the kubelet may rotate twice before it is read
    ),
    "frame of 8 MiB, slow client": Fault(
        image("8mib"),
        arrange=partial(arrange.behind_proxy, shape=read_slowly),
        check=partial(expect_built, build_incompressible, 8 * MIB),
        within_s=40,
    ),
    "log rotated while it is read": Fault(
        image("rotate"), check=partial(expect_built, build_incompressible, 13 * MIB), within_s=40
    ),
    "log rotated before it is read": Fault(
        image("rotate"),
        8,
        ("lost part of the result", "lines are missing", "--cluster-scope client"),
        partial(arrange.behind_proxy, shape=stall_once),
        within_s=60,
        tries=3,  # on a busy machine the kubelet may rotate later
    ),
    "garbage and other programs' lines": Fault(
        image("noise"), check=partial(expect_built, build_incompressible, MIB // 4)
    ),
    "a sidecar that a webhook added": Fault(
        (), arrange=partial(arrange.with_webhook, name="sidecar"), check=expect_own
    ),
    "invalid snapshot": Fault(image("lie"), 8, ("is not a valid snapshot",)),
    "a decompression bomb": Fault(image("explode"), 8, ("too large",)),
}
FAULTS = {
    **ADMISSION,
    **PLACEMENT,
    **UNSCHEDULABLE,
    **IMAGES,
    **REFUSED,
    **MID_RUN,
    **NODES,
    **TRANSPORT,
    **INJECTED,
    **POLICY,
    **REGISTRIES,
    **CONNECTION,
    # Each of them restarts or reboots a node: `make faults` runs them, CI does not.
    **(KUBELET if os.environ.get("SNAPSHOT_EVERY_FAULT") else {}),
}
