from __future__ import annotations

import json

from kubectl_snapshot.document.codec.yaml.codec import load_yaml
from kubectl_snapshot.document.snapshot import Scalar
from kubectl_snapshot.render.readings import (
    render_json,
    render_table,
    render_values,
    render_yaml,
)

READINGS: dict[str, Scalar] = {
    "OS.sysctl./proc/sys/kernel/printk": "4\t4\t1\t7",
    "OS.kmod.nvidia": True,
    "OS.release.VERSION_ID": "24.10",
    "GPU.smi.gpu-count": 18446744073709551615,
    "GPU.x.f": 1e6,
}


def test_values_are_printed_as_they_are() -> None:
    assert render_values(READINGS) == "4\t4\t1\t7\ntrue\n24.10\n18446744073709551615\n1e+06\n"


def test_json_keeps_the_kinds_of_values() -> None:
    assert json.loads(render_json(READINGS)) == READINGS
    assert json.loads(render_json({})) == {}


def test_yaml_keeps_texts_apart_from_numbers() -> None:
    text = render_yaml(READINGS)
    assert 'OS.release.VERSION_ID: "24.10"\n' in text
    assert "GPU.smi.gpu-count: 18446744073709551615\n" in text
    assert load_yaml(render_yaml({})) == {}


def test_a_table_has_a_line_for_each_reading() -> None:
    assert render_table({"OS.a.b": "x\ty\nz", "OS.a.long": 1}) == (
        "PATH       VALUE\nOS.a.b     x\\ty\\nz\nOS.a.long  1\n"
    )
