from __future__ import annotations

from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.table import render_table, render_wide

SNAPSHOT = Snapshot(
    {"version": "0.1", "source-node": "gpu-17"},
    (
        Measurement("K8s", (Subtype("node", {}, {"status": "forbidden", "reason": "no"}),)),
        Measurement(
            "OS",
            (
                Subtype("kmod", {"nvidia": True}, {"elapsed-ms": "1", "note": "seen"}),
                Subtype("sysctl", {"b": "4\t4", "a": 1e6}, {"status": "partial"}),
            ),
        ),
    ),
)
TABLE = """\
FIELD                                             VALUE
-----                                             -----
Header.APIVersion                                 aicr.nvidia.com/v1alpha1
Header.Kind                                       Snapshot
Header.Metadata.source-node                       gpu-17
Header.Metadata.version                           0.1
Measurements.[0].Subtypes.[0].Context.reason      no
Measurements.[0].Subtypes.[0].Context.status      forbidden
Measurements.[0].Subtypes.[0].Name                node
Measurements.[0].Type                             K8s
Measurements.[1].Subtypes.[0].Context.elapsed-ms  1
Measurements.[1].Subtypes.[0].Context.note        seen
Measurements.[1].Subtypes.[0].Data.nvidia.V       true
Measurements.[1].Subtypes.[0].Name                kmod
Measurements.[1].Subtypes.[1].Context.status      partial
Measurements.[1].Subtypes.[1].Data.a.V            1e+06
Measurements.[1].Subtypes.[1].Data.b.V            4\\t4
Measurements.[1].Subtypes.[1].Name                sysctl
Measurements.[1].Type                             OS
"""
WIDE = """\
PATH                  STATUS     VALUE OR REASON
----                  ------     ---------------
metadata.source-node             gpu-17
metadata.version                 0.1
K8s.node              forbidden  no
OS.kmod.nvidia        ok         true
OS.kmod.context.note  ok         seen
OS.sysctl             partial    $
OS.sysctl.a           partial    1e+06
OS.sysctl.b           partial    4\\t4
"""


def test_a_table_has_the_references_names_sorted_and_its_texts_of_values() -> None:
    assert render_table(SNAPSHOT) == TABLE


def test_a_table_on_a_terminal_is_not_wider() -> None:
    lines = render_table(SNAPSHOT, 40).splitlines()
    assert max(map(len, lines)) == 40
    assert "….[0].Data.nvidia.V  true" in lines
    assert "Header.APIVersion    aicr.nvidia.com/v1…" in lines


def test_wide_has_paths_and_statuses_and_says_why_something_is_not_there() -> None:
    # The dollar sign keeps the blanks before it.
    assert render_wide(SNAPSHOT) == WIDE.replace("$", "")


def test_a_reason_is_reported_also_where_nothing_is_missing() -> None:
    measurement = Measurement("K8s", (Subtype("helm", {}, {"reason": "no namespace"}),))
    assert "K8s.helm  ok      no namespace\n" in render_wide(Snapshot({}, (measurement,)))
