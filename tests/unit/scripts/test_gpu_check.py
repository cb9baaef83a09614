"""scripts/gpu-check: what sources say becomes texts, texts are compared, identifiers replaced."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from gpu_check import mapping, scrub, sources
from gpu_check.compare import (
    DIFFERS,
    EQUAL,
    MISSING,
    SILENT,
    Evidence,
    Row,
    compare,
    compare_one,
    find_gpu_subtypes,
    render,
)
from gpu_check.machine import read_bus, read_module

from kubectl_snapshot.document.accelerators import parse_product
from tests.unit.gpus import add_kernel_module
from tests.unit.hosts import HOSTS, copy_host

DGX = HOSTS / "dgx-h100-ubuntu"
FIRST = "0000:53:00.0"
TOPOLOGY = (
    "\t\x1b[4mGPU0\tGPU1\tNIC0\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\x1b[0m\n"
    "GPU0\t X \tNV18\tPXB\t0-55,112-167\t0\t\tN/A\n"
    "GPU1\tNV18\t X \tSYS\t56-111,168-223\t1\t\t4\n"
    "NIC0\tPXB\tSYS\t X \t\t\t\t\n"
    "\nLegend:\n\n  X    = Self\n"
)
UUIDS = ("GPU-5073f70b-3871-05ac-b28f-2c34c8ec31f9", "GPU-a3", "GPU-b4")


def report(host: Path = DGX) -> sources.Report:
    return sources.parse_report((host / "nvidia-smi-q-x.xml").read_text())


def find(key: str, source: str) -> mapping.Check:
    """Return the check of a reading of one GPU."""
    checks = mapping.CONFIG + mapping.STATE
    (found,) = (check for check in checks if (check.key, check.source) == (key, source))
    return found


def one(key: str, source: str, ours: mapping.Value | None, *theirs: str) -> Row | None:
    return compare_one(find(key, source), key, source, ours, theirs)


def snapshot(**gpu: Any) -> dict[str, Any]:
    """Return a document of one GPU; its readings have their keys with `_` for `-` and `.`."""
    names = ("smi", "device", "hardware", "topology")
    subtypes = [{"subtype": name, "data": {}, "context": {}} for name in names]
    data = {"pci.bus-id": FIRST, **gpu}
    subtypes.append({"subtype": "gpu-0", "data": data, "context": {"reason": "serial: why"}})
    return {"measurements": [{"type": "OS"}, {"type": "GPU", "subtypes": subtypes}]}


def evidence(**texts: str) -> Evidence:
    return Evidence({}, {FIRST: {f"smi:{name}": text for name, text in texts.items()}})


def test_a_report_is_read_by_address_and_path() -> None:
    found = report()
    assert found.system["smi:driver_version"] == "580.105.08"
    assert len(found.gpus) == 8
    gpu = found.gpus[FIRST]
    assert gpu["smi:(order)"] == "0"
    assert gpu["smi:mig_mode/current_mig"] == "Disabled"
    assert gpu["smi:pci/pci_gpu_link_info/link_widths/max_link_width"] == "16x"


def test_a_report_that_is_no_xml_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="no element found"):
        sources.parse_report("")


def test_what_the_report_has_in_parts_is_put_together() -> None:
    xml = (
        "<nvidia_smi_log><gpu id='00000000:53:00.0'>"
        "<clocks_event_reasons>"
        "<clocks_event_reason_gpu_idle>Not Active</clocks_event_reason_gpu_idle>"
        "<clocks_event_reason_sw_power_cap>Active</clocks_event_reason_sw_power_cap>"
        "<clocks_event_reason_hw_thermal_slowdown>Active</clocks_event_reason_hw_thermal_slowdown>"
        "</clocks_event_reasons>"
        "<ecc_errors><volatile><sram_correctable>N/A</sram_correctable>"
        "<sram_uncorrectable_parity>2</sram_uncorrectable_parity>"
        "<sram_uncorrectable_secded>3</sram_uncorrectable_secded>"
        "<dram_uncorrectable>1</dram_uncorrectable></volatile></ecc_errors>"
        "<mig_devices><mig_device><index>3</index><gpu_instance_id>9</gpu_instance_id>"
        "</mig_device></mig_devices>"
        "<processes><process_info><type>C</type></process_info>"
        "<process_info><type>G</type></process_info></processes>"
        "</gpu></nvidia_smi_log>"
    )
    gpu = sources.parse_report(xml).gpus[FIRST]
    assert gpu["smi:(event reasons)"] == "0x00000044"
    assert gpu["smi:(ecc volatile uncorrected)"] == "6"
    assert "smi:(ecc volatile corrected)" not in gpu
    assert gpu["smi:mig/3/gpu_instance_id"] == "9"
    assert gpu["smi:(compute processes)"] == "1"


def test_the_matrix_of_links_is_read_with_its_empty_columns() -> None:
    found = sources.parse_topology(TOPOLOGY)
    assert found.rows[0]["GPU1"] == "NV18"
    assert set(found.rows) == {0, 1}
    assert sources.build_topology_texts(found, 1) == {
        "topo:CPU Affinity": "56-111,168-223",
        "topo:NUMA Affinity": "1",
        "topo:GPU NUMA ID": "4",
    }


def test_a_text_without_a_matrix_has_no_rows() -> None:
    assert sources.parse_topology("Failed to initialize NVML\n").rows == {}


def test_lists_of_links_and_devices_are_read_by_the_gpus_number() -> None:
    line = "GPU 1: NVIDIA H100 (UUID: GPU-b)\n"
    states = f"GPU 0: NVIDIA A (UUID: GPU-a)\n{line}\t Link 0: 26.562 GB/s\n\t Link 1: <inactive>\n"
    assert sources.parse_links(states, "state") == {
        0: {"nvlink:(count)": "0"},
        1: {
            "nvlink:0/state": "26.562 GB/s",
            "nvlink:1/state": "<inactive>",
            "nvlink:(count)": "2",
        },
    }
    device = "  MIG 1g.10gb     Device  2: (UUID: MIG-c)\n"
    assert sources.parse_listing(line + device) == {
        1: {"list:uuid": "GPU-b", "list:mig/2/name": "MIG 1g.10gb", "list:mig/2/uuid": "MIG-c"}
    }


def test_a_query_is_read_beside_a_warning() -> None:
    text = "WARNING: infoROM is corrupted\n00000000:53:00.0, 0, 9.0\n"
    assert sources.parse_query(text, ("index", "compute_cap")) == {
        FIRST: {"query:index": "0", "query:compute_cap": "9.0"}
    }


@pytest.mark.parametrize(
    ("resource", "size"),
    [
        ("0x10 0x1f 0x1\n0x0 0x0 0x0\n0x1000 0x1fff 0x1\n", "4096"),
        ("0x10 0x1f 0x1\n0x2000 0x21ff 0x1\n0x0 0x0 0x0\n", "512"),
        ("0x10 0x1f 0x1\n0x0 0x0 0x0\n0x0 0x0 0x0\n", ""),
        ("", ""),
    ],
)
def test_bar1_is_the_second_memory_region(resource: str, size: str) -> None:
    assert sources.parse_bar1(resource) == size


def test_sysfs_tells_gpus_and_no_switches_or_virtual_functions(tmp_path: Path) -> None:
    root = copy_host(DGX, tmp_path)
    found = read_bus(root)
    assert len(found) == 8
    assert found[FIRST]["sys:driver"] == "nvidia"
    assert found[FIRST]["sys:device-id"] == "233010de"
    (root / "sys/bus/pci/devices" / FIRST / "physfn").symlink_to("..")
    assert FIRST not in read_bus(root)


def test_the_kernel_tells_version_and_kind_of_the_driver(tmp_path: Path) -> None:
    assert read_module(tmp_path) == {"proc:loaded": "No"}
    add_kernel_module(tmp_path)
    expected = {"proc:loaded": "Yes", "proc:flavor": "open", "proc:version": "570.124.06"}
    assert read_module(tmp_path) == expected


@pytest.mark.parametrize(
    ("key", "source", "ours", "theirs"),
    [
        ("pci.bus-id", "smi:pci/pci_bus_id", "0000:53:00.0", "00000000:53:00.0"),
        ("pci.device-id", "sys:device-id", "0x233010DE", "233010de"),
        ("ecc.current", "smi:ecc_mode/current_ecc", True, "Enabled"),
        ("power.limit-mw", "smi:gpu_power_readings/requested_power_limit", 350500, "350.50 W"),
        ("memory.total-bytes", "smi:fb_memory_usage/total", 85520809984, "81559 MiB"),
        ("memory.total-bytes", "smi:fb_memory_usage/total", 85520900000, "81559 MiB"),
        ("pdi", "smi:pdi", 255, "0x00000000000000FF"),
        ("pcie.device-max-gen", "sys:max_link_speed", 5, "32.0 GT/s PCIe"),
        ("cpu-affinity", "topo:CPU Affinity", "0,2,4,6,8,10,12", "0,2,4,6,8,10"),
        ("vbios-version", "proc:Video BIOS", "96.00.AE.00.01", "96.00.ae.00.01"),
        ("gsp-firmware.enabled", "smi:gsp_firmware_version", False, "N/A"),
    ],
)
def test_texts_that_differ_are_equal_for_a_reason(
    key: str, source: str, ours: mapping.Value, theirs: str
) -> None:
    row = one(key, source, ours, theirs)
    assert row is not None
    assert (row.result, bool(row.why)) == (EQUAL, True)


@pytest.mark.parametrize(
    ("key", "source", "ours", "theirs"),
    [
        ("ecc.current", "smi:ecc_mode/current_ecc", True, "Disabled"),
        ("ecc.current", "smi:ecc_mode/current_ecc", 1, "Enabled"),
        ("pci.device-id", "sys:device-id", "0x233010DE", "233110de"),
        ("power.limit-mw", "smi:gpu_power_readings/requested_power_limit", 350, "350.00 W"),
        ("memory.total-bytes", "smi:fb_memory_usage/total", 81559, "81559 MiB"),
        ("power.limit-mw", "smi:gpu_power_readings/requested_power_limit", 350000, "350 mW"),
        ("cpu-affinity", "topo:CPU Affinity", "0-55", "0-5"),
        ("pcie.max-width", "smi:pci/pci_gpu_link_info/link_widths/max_link_width", 16, "x x"),
    ],
)
def test_values_that_differ_differ(key: str, source: str, ours: mapping.Value, theirs: str) -> None:
    row = one(key, source, ours, theirs)
    assert row is not None
    assert (row.result, row.why) == (DIFFERS, "")


@pytest.mark.parametrize("theirs", ["N/A", "[N/A]", "", "GPU requires reset", "Not Found"])
def test_a_word_for_no_value_confirms_and_refutes_nothing(theirs: str) -> None:
    source = "smi:accounting_mode"
    row = one("accounting-mode", source, False, theirs)
    assert row is not None
    assert row.result == SILENT
    assert one("accounting-mode", source, None, theirs) is None


def test_a_moving_value_lies_between_two_readings_or_just_beside_them() -> None:
    def result(degrees: int) -> str:
        row = one("temperature.gpu-c", "smi:temperature/gpu_temp", degrees, "40 C", "45 C")
        assert row is not None
        return row.result

    assert [result(degrees) for degrees in (36, 37, 42, 48, 49)] == [
        DIFFERS,
        EQUAL,
        EQUAL,
        EQUAL,
        DIFFERS,
    ]


def test_a_value_that_does_not_move_is_that_of_the_first_reading() -> None:
    row = one("module-id", "smi:platformInfo/module_id", 3, "2", "4")
    assert row is not None
    assert row.result == DIFFERS


def test_what_the_snapshot_lacks_is_missing_with_its_reason() -> None:
    found = compare(find_gpu_subtypes(snapshot()), evidence(serial="165"), evidence())
    (row,) = (row for row in found.rows if row.key == "gpu-0.serial")
    assert (row.result, row.theirs, row.why) == (MISSING, "165", "serial: why")
    assert not found.is_equal


def test_what_only_follows_from_a_source_is_not_missing() -> None:
    texts = {"platformInfo/module_id": "7"}
    found = compare(find_gpu_subtypes(snapshot(**{"module-id": 7})), evidence(**texts), evidence())
    assert [row.key for row in found.rows] == ["gpu-0.module-id"]
    assert found.is_equal


def test_a_gpu_that_the_snapshot_does_not_have_is_missing() -> None:
    both = Evidence({}, {FIRST: {}, "0000:64:00.0": {}})
    found = compare(find_gpu_subtypes(snapshot()), both, both)
    assert [(row.theirs, row.result) for row in found.rows] == [("0000:64:00.0", MISSING)]


def test_numbers_in_keys_are_those_of_both_sides() -> None:
    gpu = {"nvlink.0.active": True, "nvlink.10.active": True}
    links = {"nvlink:0/state": "26.562 GB/s", "nvlink:1/state": "<inactive>"}
    before = Evidence({}, {FIRST: links})
    found = compare(find_gpu_subtypes(snapshot(**gpu)), before, before)
    results = {row.key: row.result for row in found.rows}
    assert results == {"gpu-0.nvlink.0.active": EQUAL, "gpu-0.nvlink.1.active": MISSING}
    assert found.unconfirmed["gpu-0.nvlink.10.active"] == "True"


@pytest.mark.parametrize(("link", "result"), [("NV18", EQUAL), ("NV17", DIFFERS), ("", MISSING)])
def test_links_between_gpus_are_those_of_the_matrix(link: str, result: str) -> None:
    gpus = {
        FIRST: {"smi:(order)": "0", "smi:uuid": UUIDS[1]},
        "0000:64:00.0": {"smi:(order)": "1", "smi:uuid": UUIDS[2]},
    }
    subtypes = find_gpu_subtypes(snapshot())
    subtypes["topology"]["data"] = {"/".join(UUIDS[1:]): link} if link else {}
    both = Evidence({}, gpus, sources.parse_topology(TOPOLOGY))
    (row,) = (r for r in compare(subtypes, both, both).rows if r.key.startswith("topology."))
    assert (row.result, row.theirs) == (result, "NV18")


@pytest.mark.parametrize(
    ("gpu", "is_moving"),
    [
        ({"serial": "165"}, True),
        ({"serial": "166"}, False),
        ({}, False),
    ],
)
def test_only_what_moves_is_worth_measuring_again(gpu: dict[str, Any], is_moving: bool) -> None:
    document = snapshot(**gpu)
    state = {"subtype": "gpu-0-state", "data": {"temperature.gpu-c": 90}, "context": {}}
    document["measurements"][1]["subtypes"].append(state)
    texts = {"serial": "165", "temperature/gpu_temp": "30 C"}
    found = compare(find_gpu_subtypes(document), evidence(**texts), evidence(**texts))
    assert found.differs_in_motion is is_moving


def test_the_table_counts_and_groups_what_nobody_confirms() -> None:
    gpu = {"serial": "165", "nvlink.0.version": 4, "nvlink.1.version": 4, "gpu-core-count": 9}
    found = compare(find_gpu_subtypes(snapshot(**gpu)), evidence(serial="165"), evidence())
    lines = render(found).splitlines()
    assert re.fullmatch(r"gpu-0.serial +165 +165 +smi:serial +equal", lines[1])
    assert [line.split() for line in lines if "×" in line] == [
        ["gpu-*.pci.bus-id", "1", "×", FIRST],
        ["gpu-*.nvlink.*.version", "2", "×", "4"],
        ["gpu-*.gpu-core-count", "1", "×", "9"],
    ]
    summary = "1 rows compared: 1 equal, 0 differ, 0 missing; 4 readings confirmed by nobody"
    assert lines[-1] == summary


def test_a_document_without_gpus_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="no measurement GPU"):
        find_gpu_subtypes({"measurements": [{"type": "OS"}]})


@pytest.mark.parametrize("host", ["dgx-h100-ubuntu", "aks-h100-mig", "gb200-arm64"])
def test_every_report_of_the_host_trees_can_be_compared(host: str) -> None:
    for texts in report(HOSTS / host).gpus.values():
        checks = [c for c in mapping.CONFIG + mapping.STATE if c.source in texts]
        assert len(checks) > 30
        for check in checks:
            check.convert(texts[check.source])  # raises on a text of another form


def test_identifiers_are_replaced_by_the_same_everywhere() -> None:
    texts = [
        f"uuid {UUIDS[0]}",
        f"MIG-{UUIDS[0][4:].upper()}",
        "1b2c3d4e-0000-4000-8000-0000000000aa",
    ]
    found = scrub.build_replacements(
        texts,
        serials=["1320923000123"],
        numbers=[
            "0x00000000075BCD15",
            "123456789",
            "Unknown Error",
            "fe80000000000000000000000000ab12",
        ],
        host_names=["node-7", "vm"],
    )
    cleaned = [scrub.scrub(text, found) for text in texts]
    assert cleaned == [
        "uuid GPU-00000000-0000-4000-8000-000000000001",
        "MIG-00000000-0000-4000-8000-000000000001",
        "00000000-0000-4000-8000-000000000002",
    ]
    text = "1320923000123 13209230001234 0x00000000075bcd15, 123456789 node-7 node-77 vm"
    assert scrub.scrub(text, found) == (
        "1650000000001 13209230001234 0x0000000000000001, 1 gpu-host node-77 vm"
    )
    guid = scrub.scrub("fe80000000000000000000000000ab12", found)
    assert guid == "00000000000000000000000000000002"


def test_a_uuid_of_zeros_identifies_nothing() -> None:
    zero = "00000000-0000-0000-0000-000000000000"
    assert scrub.build_replacements([zero], numbers=["0x0000"]) == {}


def test_names_of_processes_are_left_out() -> None:
    text = "<process_name>/home/a/train.py</process_name><pid>7</pid>"
    assert scrub.scrub(text, {}) == "<process_name>process</process_name><pid>7</pid>"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("root=PARTUUID=1a2b3c4d-02 ro", "root=PARTUUID=0000-0000 ro"),
        ("ip=10.1.2.3:eth0 mac=52:54:00:12:34:56", "ip=192.0.2.1:eth0 mac=00:00:5e:00:53:01"),
        (
            "6.8.0-41 580.105.08 13.580.105.08 127.0.0.1",
            "6.8.0-41 580.105.08 13.580.105.08 127.0.0.1",
        ),
        ("pci=0000:53:00.0", "pci=0000:53:00.0"),
    ],
)
def test_the_systems_texts_keep_versions_and_lose_addresses(text: str, clean: str) -> None:
    assert scrub.scrub_system(text) == clean


def test_a_serial_that_is_any_number_is_left_alone() -> None:
    assert scrub.build_replacements([], serials=["0", "1234"], numbers=["7"]) == {}


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("NVIDIA GB200", "gb200"),
        ("NVIDIA L40S", "l40s"),
        ("Tesla V100S-PCIE-32GB", "v100s"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000"),
        ("NVIDIA GeForce RTX 4090", None),
    ],
)
def test_a_models_token_is_confirmed_by_the_product_name(name: str, token: str | None) -> None:
    (check,) = (check for check in mapping.SYSTEM if check.key == "hardware.model")
    assert check.convert(name) == token
    assert (parse_product(name) or None) == token
    assert check.is_implied and check.why
