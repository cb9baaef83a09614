"""Which changes of one key `diff` reports, of one node and between two: every declared key."""

from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.ignored import list_identity, list_volatile
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype

READ = {"elapsed-ms": "1"}
NAMES = {"gpu-*": "gpu-3", "gpu-*-state": "gpu-3-state", "*": "a.service"}

# What an engineer wants to see: the path, two values, whether it differs on one node, and between
# two nodes.
TABLE = [
    ("GPU.gpu-3-state.recovery-action", "None", "Drain and Reset", True, True),
    ("GPU.gpu-3-state.remapped-rows.failure-occurred", False, True, True, True),
    ("GPU.gpu-3-state.remapped-rows.pending", False, True, True, True),
    ("GPU.gpu-3-state.remapped-rows.correctable", 0, 1, True, True),
    ("GPU.gpu-3-state.remapped-rows.uncorrectable", 0, 1, True, True),
    ("GPU.gpu-3-state.remapped-rows.histogram.none-banks", 0, 1, True, True),
    ("GPU.gpu-3-state.ecc.volatile-uncorrected-errors", 0, 4, True, True),
    ("GPU.gpu-3-state.ecc.aggregate-uncorrected-errors", 0, 4, True, True),
    ("GPU.gpu-3-state.ecc.volatile-corrected-errors", 0, 4, False, False),
    ("GPU.gpu-3-state.ecc.aggregate-corrected-errors", 0, 4, False, False),
    ("GPU.gpu-3-state.ecc.sram-threshold-exceeded", False, True, True, True),
    ("GPU.gpu-3-state.retired-pages.double-bit-ecc", 0, 1, True, True),
    ("GPU.gpu-3-state.retired-pages.pending", False, True, True, True),
    ("GPU.gpu-3-state.repair.channel-pending", False, True, True, True),
    ("GPU.gpu-3-state.pcie.current-width", 16, 4, True, True),
    ("GPU.gpu-3-state.pcie.current-gen", 5, 1, False, False),
    ("GPU.gpu-3-state.pcie.replay-counter", 0, 9, False, False),
    ("GPU.gpu-3-state.memory.reserved-bytes", 1, 2, True, True),
    ("GPU.gpu-3-state.memory.used-bytes", 1, 2, False, False),
    ("GPU.gpu-3-state.memory.free-bytes", 1, 2, False, False),
    ("GPU.gpu-3-state.temperature.gpu-c", 40, 80, False, False),
    ("GPU.gpu-3-state.power.draw-mw", 1, 2, False, False),
    ("GPU.gpu-3-state.energy.total-mj", 1, 2, False, False),
    ("GPU.gpu-3-state.utilization.gpu-percent", 1, 2, False, False),
    ("GPU.gpu-3-state.clocks.current.sm-mhz", 1, 2, False, False),
    ("GPU.gpu-3-state.compute-process-count", 1, 2, False, False),
    ("GPU.gpu-3-state.performance-state", "P0", "P8", False, False),
    ("GPU.gpu-3-state.index", 3, 2, False, False),
    ("GPU.gpu-3-state.minor-number", 3, 2, False, False),
    ("GPU.gpu-3-state.clocks.event-reasons", "0x00000001", "0x00000104", False, False),
    ("GPU.gpu-3-state.clocks.event-reasons", "0x00000001", "0x00000009", True, True),
    ("GPU.gpu-3-state.clocks.event-reasons", "0x00000001", "0x00000041", True, True),
    ("GPU.gpu-3-state.clocks.event-reasons", "0x00000001", "0x00000081", True, True),
    ("GPU.gpu-3-state.clocks.event-reasons", "0x00000001", "none", True, True),
    ("GPU.gpu-3.uuid", "GPU-a", "GPU-b", True, False),
    ("GPU.gpu-3.serial", "1", "2", True, False),
    ("GPU.gpu-3.pci.bus-id", "0000:1b:00.0", "0000:2b:00.0", True, False),
    ("GPU.gpu-3.nvlink.0.remote-pci-bus-id", "0000:05:00.0", "0001:0f:00.1", True, False),
    ("GPU.gpu-3.nvlink.0.remote-pci-bus-id", "0000:05:00.0", "", True, True),
    ("GPU.gpu-3.nvlink.0.active", True, False, True, True),
    ("GPU.gpu-3.persistence-mode", True, False, True, True),
    ("K8s.node.provider-id", "aws:///us-west-2a/i-0a", "aws:///us-west-2b/i-0b", True, False),
    ("K8s.node.provider-id", "aws:///us-west-2a/i-0a", "gce://p/z/n", True, True),
    ("K8s.node.provider-id", "ocid1.instance.oc1..a", "ocid1.instance.oc1..b", True, False),
    ("K8s.node.provider-id", "ocid1.instance.oc1..a", "b", True, True),
    ("K8s.node.provider-id", "a", "b", True, False),
    ("K8s.node.source-node", "a", "b", True, False),
    (
        "OS.grub.ip",
        "10.0.0.1::10.0.0.254:::eth0:none",
        "10.0.0.2::10.0.0.254:::eth0:none",
        True,
        False,
    ),
    ("OS.grub.ip", "dhcp", "10.0.0.2::10.0.0.254:::eth0:none", True, True),
    ("OS.grub.ip", "eth0:dhcp", "eth1:dhcp", True, False),
    ("OS.grub.ip", "eth0:dhcp", "eth0:dhcp6", True, True),
    ("OS.grub.ip", "dhcp", "on", True, True),
    ("OS.grub.boot", "UUID=1", "UUID=2", True, False),
    ("OS.grub.boot", "UUID=1", "/dev/sda1", True, True),
    ("OS.grub.resume", "/dev/sda1", "/dev/sdb2", True, False),
    ("OS.grub.resume", "/dev/sda1", "/dev/mapper/swap", True, True),
    ("OS.grub.resume", "sda1", "sdb1", True, False),
    ("OS.sysctl./proc/sys/kernel/hung_task_warnings", "10", "7", False, False),
    ("OS.sysctl./proc/sys/kernel/hung_task_warnings", "-1", "7", True, True),
    ("OS.sysctl./proc/sys/kernel/hung_task_timeout_secs", "120", "0", True, True),
    ("OS.sysctl./proc/sys/kernel/hung_task_check_count", "1", "2", True, True),
    ("OS.sysctl./proc/sys/fs/quota/warnings", "1", "0", True, True),
    ("OS.sysctl./proc/sys/kernel/tainted", "0", "4096", True, True),
    ("OS.sysctl./proc/sys/kernel/pid_max", "1", "2", True, True),
    ("SystemD.a.service.ActiveState", "active", "failed", True, True),
    ("SystemD.a.service.Result", "success", "exit-code", True, True),
    ("SystemD.a.service.NRestarts", "0", "7", True, True),
    ("SystemD.a.service.MainPID", "1", "2", False, False),
    ("SystemD.a.service.ExecStart", "k --node-ip=0.0.0.0", "k --node-ip=10.0.0.2", True, True),
    ("SystemD.a.service.ExecStart", "k --node-ip=::", "k --node-ip=fd00::2", True, True),
    ("SystemD.a.service.ExecStart", "k --node-ip=10.0.0.1", "k --node-ip=fd00::2", True, True),
]


def snapshot(path: str, value: Scalar, node: str) -> Snapshot:
    type_, _, rest = path.partition(".")
    known = (name for name in NAMES.values() if rest.startswith(f"{name}."))
    name = next(known, rest.partition(".")[0])
    subtypes = [Subtype(name, {rest[len(name) + 1 :]: value, "same": "1"}, READ)]
    if name.startswith("gpu-3-"):
        subtypes.insert(0, Subtype("gpu-3", {"uuid": "GPU-a"}, READ))
    return Snapshot({"source-node": node}, (Measurement(type_, tuple(subtypes)),))


@pytest.mark.parametrize(("path", "before", "after", "on_one", "between_two"), TABLE)
def test_a_change_is_reported_or_ignored(
    path: str, before: Scalar, after: Scalar, on_one: bool, between_two: bool
) -> None:
    old = snapshot(path, before, "n1")
    for node, differs in (("n1", on_one), ("n2", between_two)):
        for one, other in ((old, snapshot(path, after, node)), (snapshot(path, after, node), old)):
            found = [change.path for change in diff_snapshots(one, other, REGISTRY).changes]
            assert found == ([path] if differs else []), node
            # An explicit path is shown, ignored or not.
            named = diff_snapshots(one, other, REGISTRY, selection=Selection((path,)))
            assert [change.path for change in named.changes] == (
                [path] if _is_plain(path, differs) else []
            )


def _is_plain(path: str, differs: bool) -> bool:
    """Return whether a key is shown if it is named: normalised texts are equal."""
    return differs or not path.endswith("event-reasons")


def concrete(pattern: str) -> str:
    """Return a path that a declared pattern matches."""
    type_, _, rest = pattern.partition(".")
    for declared, name in NAMES.items():
        if rest.startswith(f"{declared}.") and type_ in ("GPU", "SystemD"):
            rest = name + rest[len(declared) :]
            break
    return f"{type_}.{rest}".replace("*", "x")


VOLATILE = [ignored for ignored in list_volatile(REGISTRY) if ignored.path != "metadata.*"]


@pytest.mark.parametrize("ignored", VOLATILE, ids=lambda ignored: ignored.path)
def test_a_volatile_key_is_ignored_and_shown_if_it_is_named(ignored: object) -> None:
    path = concrete(ignored.path)  # type: ignore[attr-defined]
    before, after = snapshot(path, "1", "n1"), snapshot(path, "2", "n1")
    diff = diff_snapshots(before, after, REGISTRY)
    assert (diff.changes, diff.left_out) == ((), 1)
    (change,) = diff_snapshots(before, after, REGISTRY, selection=Selection((path,))).changes
    assert change.path == path
    subtype = path[: path.index(".", path.index(".") + 1)]
    for whole in ((subtype,), (path.partition(".")[0],), (f"{subtype}.*",)):
        assert diff_snapshots(before, after, REGISTRY, selection=Selection(whole)).changes == ()


@pytest.mark.parametrize("ignored", list_identity(REGISTRY), ids=lambda ignored: ignored.path)
def test_an_identity_is_ignored_between_two_nodes_only(ignored: object) -> None:
    path = concrete(ignored.path)  # type: ignore[attr-defined]
    for node, paths in (("n1", [path]), ("n2", [])):
        diff = diff_snapshots(snapshot(path, "1", "n1"), snapshot(path, "2", node), REGISTRY)
        assert [change.path for change in diff.changes] == paths
