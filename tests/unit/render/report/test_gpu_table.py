from __future__ import annotations

from collections.abc import Mapping

import pytest

from kubectl_snapshot.document.snapshot import Scalar, Subtype
from kubectl_snapshot.render.report.facts import build_index
from kubectl_snapshot.render.report.gpu_table import build_gpu_table
from tests.unit.document.findings.support import Edits, change
from tests.unit.render.pages import BAD, GOOD


def read_row(number: int, edits: Edits) -> dict[str, tuple[str, str]]:
    """Return text and usual text of a GPU's cells by column."""
    table = build_gpu_table(build_index(change(GOOD, edits)))
    return {
        head: (cell.text, cell.most) for head, cell in zip(table.heads, table.rows[number].cells)
    }


def test_a_gpu_is_a_row_of_what_tells_a_healthy_one() -> None:
    assert {head: text for head, (text, _) in read_row(0, {}).items()} == {
        "Model": "NVIDIA H100 80GB HBM3",
        "PCIe lanes": "16 of 16",
        "PCIe gen": "5 of 5",
        "NVLinks": "18 of 18",
        "Fabric": "Completed",
        "Recovery": "None",
        "Remapped rows": "0 + 0",
        "Temperature": "51 °C",
        "Power limit": "700 W",
        "ECC": "on",
        "MIG": "off",
        "Persistence": "on",
        "VBIOS": "96.00.99.00.01",
        "Memory": "79.6 GiB",
        "NUMA node": "0",
        "PCI bus": "0000:1b:00.0",
    }


def test_nothing_of_equal_gpus_is_odd() -> None:
    table = build_gpu_table(build_index(GOOD))
    assert [cell for row in table.rows for cell in row.cells if cell.most] == []
    assert table.rows[0].uuid == "GPU-1c0c5fd2-60f1-4a1e-8e2e-3b0e6f0a9d11"


@pytest.mark.parametrize(
    ("head", "path", "value", "cell"),
    [
        ("PCIe lanes", "GPU.gpu-3-state.pcie.current-width", 4, ("4 of 16", "16 of 16")),
        ("PCIe gen", "GPU.gpu-3.pcie.max-gen", 3, ("3 of 5", "5 of 5")),
        ("NVLinks", "GPU.gpu-3.nvlink.7.active", False, ("17 of 18", "18 of 18")),
        (
            "Remapped rows",
            "GPU.gpu-3-state.remapped-rows.failure-occurred",
            True,
            ("0 + 0, failed", "0 + 0"),
        ),
        (
            "Remapped rows",
            "GPU.gpu-3-state.remapped-rows.pending",
            True,
            ("0 + 0, pending", "0 + 0"),
        ),
        ("Recovery", "GPU.gpu-3-state.recovery-action", "GPU Reset", ("GPU Reset", "None")),
        ("ECC", "GPU.gpu-3.ecc.pending", False, ("on, off after a reset", "on")),
        ("MIG", "GPU.gpu-3.mig.current", "odd", ("odd, off after a reset", "off")),
        ("Power limit", "GPU.gpu-3.power.limit-mw", 500500, ("500.5 W", "700 W")),
        ("Power limit", "GPU.gpu-3.power.limit-mw", "500", ("500", "700 W")),
        ("Memory", "GPU.gpu-3.memory.total-bytes", True, ("on", "79.6 GiB")),
        ("VBIOS", "GPU.gpu-3.vbios-version", "1", ("1", "96.00.99.00.01")),
        ("Temperature", "GPU.gpu-3-state.temperature.gpu-c", 95, ("95 °C", "")),
    ],
)
def test_a_value_that_most_gpus_do_not_have_is_odd(
    head: str, path: str, value: Scalar, cell: tuple[str, str]
) -> None:
    assert read_row(3, {path: value})[head] == cell


@pytest.mark.parametrize(
    ("mask", "text"),
    [("0x0000000000000004", "no"), ("0x48", "slowed, 0x48"), ("0x20", "slowed, 0x20"), ("x", "x")],
)
def test_a_mask_of_reasons_is_read(mask: str, text: str) -> None:
    assert read_row(0, {"GPU.gpu-0-state.clocks.event-reasons": mask})["Slowed"][0] == text


def test_two_unlike_gpus_have_no_majority() -> None:
    index = {f"GPU.gpu-{n}": Subtype(f"gpu-{n}", {"name": str(n)}) for n in range(2)}
    assert [cell.most for row in build_gpu_table(index).rows for cell in row.cells] == ["", ""]


def test_a_gpu_that_does_not_answer_is_a_row_with_the_reason() -> None:
    row = build_gpu_table(build_index(BAD)).rows[5]
    assert (row.name, row.status) == ("gpu-5", "error")
    assert row.reason == "the driver does not list the GPU that the PCI bus has"
    assert [cell.text for cell in row.cells if cell.text] == ["1", "0000:c3:00.0"]


def test_gpus_that_say_nothing_are_rows_without_columns() -> None:
    table = build_gpu_table({"GPU.gpu-0": Subtype("gpu-0")})
    assert (table.heads, [row.name for row in table.rows]) == ((), ["gpu-0"])


ODD: Mapping[str, tuple[str, Scalar]] = {
    "Model": ("gpu-1.name", "NVIDIA H200"),
    "PCIe lanes": ("gpu-1-state.pcie.current-width", 8),
    "PCIe gen": ("gpu-1.pcie.max-gen", 4),
    "NVLinks": ("gpu-1.nvlink.3.active", False),
    "Fabric": ("gpu-1.fabric.state", "In Progress"),
    "Recovery": ("gpu-1-state.recovery-action", "GPU Reset"),
    "Remapped rows": ("gpu-1-state.remapped-rows.pending", True),
    "ECC errors": ("gpu-1-state.ecc.volatile-uncorrected-errors", 3),
    "Slowed": ("gpu-1-state.clocks.event-reasons", "0x40"),
    "Power limit": ("gpu-1.power.limit-mw", 500_000),
    "ECC": ("gpu-1.ecc.pending", False),
    "MIG": ("gpu-1.mig.pending", True),
    "Persistence": ("gpu-1.persistence-mode", False),
    "VBIOS": ("gpu-1.vbios-version", "1"),
    "Memory": ("gpu-1.memory.total-bytes", 1 << 30),
}


@pytest.mark.parametrize("head", ODD)
def test_one_odd_reading_is_marked_in_its_column_alone(head: str) -> None:
    path, value = ODD[head]
    calm = {"ecc.volatile-uncorrected-errors": 0, "clocks.event-reasons": "0x1"}
    edits = {f"GPU.gpu-{n}-state.{key}": fine for n in range(8) for key, fine in calm.items()}
    table = build_gpu_table(build_index(change(GOOD, {**edits, f"GPU.{path}": value})))
    marked = {
        (row.name, name)
        for row in table.rows
        for name, cell in zip(table.heads, row.cells)
        if cell.most
    }
    assert marked == {("gpu-1", head)}


def test_what_differs_by_nature_is_not_marked() -> None:
    table = build_gpu_table(build_index(GOOD))
    assert {*table.heads} - {*ODD} == {"Temperature", "NUMA node", "PCI bus"}
    assert not any(cell.most for row in table.rows for cell in row.cells)
