from __future__ import annotations

from pathlib import Path

from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype, new_snapshot
from kubectl_snapshot.render.summary import render_next_command, render_summary

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "snapshots" / "gpu-17.yaml"
SUMMARY = """\
node        gpu-17
captured    2026-11-23T09:12:44Z by a pod on the node
system      Ubuntu 24.04.3 LTS, kernel 6.8.0-1041-nvidia
gpus        8 x NVIDIA H100 80GB HBM3, driver 580.105.08
boot        12 kernel parameters
modules     27 loaded
sysctl      83 values
units       containerd active, docker inactive, kubelet active, nvidia-fabricma…
kubernetes  v1.34.2, kubelet v1.34.2
readings    2023 in 72 subtypes
gaps        none
next        kubectl snapshot --node gpu-17 -o gpu-17.yaml
"""
BARE = """\
node        unnamed
captured    at an unknown time
system      not captured
gpus        not captured
boot        not captured
modules     not captured
sysctl      not captured
units       not captured
kubernetes  not captured
readings    0 in 0 subtypes
gaps        none
next        kubectl snapshot --node node -o node.yaml
"""


def test_a_snapshot_is_summed_up_in_twelve_lines() -> None:
    snapshot = parse_document(EXAMPLE.read_bytes(), "gpu-17.yaml")
    # Numbers of readings change with the example.
    assert render_summary(snapshot) == SUMMARY
    assert max(map(len, render_summary(snapshot, 40).splitlines())) == 40


def test_an_empty_snapshot_has_its_twelve_lines() -> None:
    assert render_summary(new_snapshot()) == BARE


def test_what_is_missing_is_reported_with_its_reason() -> None:
    context = {"status": "error", "reason": "GPU is lost\n\x1b[2J"}
    absent = {"status": "absent", "reason": "no GPU on the PCI bus"}
    snapshot = Snapshot(
        {"mode": "local", "source-node": "my node"},
        (
            Measurement("GPU", (Subtype("hardware", {"gpu-count": 0}, absent),)),
            Measurement("OS", (Subtype("release", {}, context), Subtype("kmod", {}, context))),
            Measurement("SystemD", (Subtype("a.service", {}, {"status": "timeout"}),)),
            Measurement("K8s", (Subtype("node", {"kubelet-version": "v1.2.3"}),)),
        ),
    )
    lines = dict(line.split(maxsplit=1) for line in render_summary(snapshot, 100).splitlines())
    assert lines["system"] == "GPU is lost [2J"
    assert lines["gpus"] == "no GPU on the PCI bus"
    assert lines["modules"] == "GPU is lost [2J"
    assert lines["units"] == "timeout"
    assert lines["kubernetes"] == "v1.2.3"
    assert lines["gaps"] == "OS: GPU is lost [2J; SystemD: timeout"
    assert lines["next"] == "kubectl snapshot --local -o 'my node.yaml'"


def test_a_nodes_name_cannot_continue_the_command() -> None:
    name = "a; rm -rf b\n"
    assert render_next_command(Snapshot({"source-node": name})) == (
        "kubectl snapshot --node 'a; rm -rf b' -o 'a; rm -rf b.yaml'"
    )
