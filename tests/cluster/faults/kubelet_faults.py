"""Faults of one node: its kubelet's certificate, disk and network, restarts."""

from __future__ import annotations

from functools import partial

from tests.cluster.faults import kubelets
from tests.cluster.faults.fault import HANG, LATE, NODE2, Fault
from tests.cluster.faults.injection_faults import expect_no_host_files
from tests.cluster.faults.policy_faults import expect_snapshot

RESTRICTED = "--privileged=false"
KUBELET = {
    "kubelet's certificate is not approved": Fault(
        (),
        6,
        ("node node2 has no serving certificate", "kubectl certificate approve"),
        partial(kubelets.without_certificate, node="node2"),
        lane=NODE2,
    ),
    "disk pressure before the start": Fault(
        (),
        6,
        ("terminated the agent's pod: Evicted", "DiskPressure"),
        partial(kubelets.under_pressure, node="node2"),
        lane=NODE2,
    ),
    "disk pressure in mid-run": Fault(
        HANG,
        6,
        # "The node was low on resource", or "had condition: [DiskPressure]" after a restart.
        ("terminated the agent's pod: Evicted",),
        partial(kubelets.restored, node="node2"),
        partial(kubelets.fill_disk, node="node2"),
        lane=NODE2,
        within_s=40,
    ),
    "no network plugin on the node": Fault(
        (RESTRICTED,),
        6,
        ("node node2 has no working network plugin",),
        partial(kubelets.without_network_plugin, node="node2"),
        lane=NODE2,
        within_s=30,
    ),
    "broken network plugin on the node": Fault(
        (RESTRICTED,),
        6,
        ("node node2 has no working network plugin", "nobody-made-it"),
        partial(kubelets.with_broken_network_plugin, node="node2"),
        lane=NODE2,
        # The kubelet's third attempt may come 16 s after the first; a warning tells at once.
        within_s=30,
    ),
    "network plugin restarts": Fault(
        (RESTRICTED,),
        arrange=partial(kubelets.with_broken_network_plugin, node="node2"),
        provoke=partial(kubelets.repair_network_plugin, node="node2"),
        waits_for_run=False,
        check=expect_no_host_files,
        warnings=("node node2 has no working network plugin for pods", "waiting for it"),
        lane=NODE2,
        within_s=40,
    ),
    "few processes allowed in a pod": Fault(
        (RESTRICTED,),
        arrange=partial(kubelets.with_few_processes, node="node2"),
        check=expect_snapshot,
        lane=NODE2,
        within_s=40,
    ),
    "kubelet restarted": Fault(
        LATE,
        provoke=partial(kubelets.restart, node="node2", unit="kubelet"),
        check=expect_snapshot,
        lane=NODE2,
    ),
    "container runtime restarted": Fault(
        LATE,
        provoke=partial(kubelets.restart, node="node2", unit="containerd"),
        check=expect_snapshot,
        lane=NODE2,
    ),
    "node deleted in mid-run": Fault(
        HANG,
        6,
        ("node node2 was deleted from the cluster",),
        partial(kubelets.registered_again, node="node2"),
        partial(kubelets.unregister, node="node2"),
        lane=NODE2,
        within_s=30,
    ),
    # The last one of its lane: the node loses the faults' images.
    "node rebooted": Fault(
        HANG,
        6,
        ("node node2",),
        provoke=partial(kubelets.reboot, node="node2"),
        lane=NODE2,
        within_s=60,
    ),
}
