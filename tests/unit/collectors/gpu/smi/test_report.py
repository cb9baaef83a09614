"""The report of `nvidia-smi -q -x`: the contract's subtype, and the values of each GPU."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.gpu.smi.report import SmiGpu, parse_report, parse_smi
from kubectl_snapshot.errors import Internal
from tests.unit.golden import check_golden
from tests.unit.hosts import HOSTS

REPORT = """<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v13.dtd">
<nvidia_smi_log>
	<driver_version>580.105.08</driver_version>
	<cuda_version>13.0</cuda_version>
	<attached_gpus>2</attached_gpus>
	<gpu id="00000000:53:00.0">
		<product_name>NVIDIA H100 80GB HBM3</product_name>
		<product_architecture>Hopper</product_architecture>
		<display_mode>Requested functionality has been deprecated</display_mode>
		<display_active>Disabled</display_active>
		<persistence_mode>Enabled</persistence_mode>
		<addressing_mode>HMM</addressing_mode>
		<mig_mode><current_mig>Disabled</current_mig><pending_mig>Enabled</pending_mig></mig_mode>
		<serial>1650000000001</serial>
		<uuid>GPU-a</uuid>
		<vbios_version>96.00.99.00.01</vbios_version>
		<gsp_firmware_version>580.105.08</gsp_firmware_version>
		<pci><pci_device_id>233010DE</pci_device_id><pci_bus_id>00000000:53:00.0</pci_bus_id></pci>
		<ecc_mode><current_ecc>Enabled</current_ecc></ecc_mode>
	</gpu>
	<gpu id="00000000:64:00.0">
		<product_name>NVIDIA H100 80GB HBM3</product_name>
		<uuid>GPU-b</uuid>
		<serial>N/A</serial>
		<persistence_mode>GPU is lost</persistence_mode>
		<ecc_mode><current_ecc>perhaps</current_ecc></ecc_mode>
	</gpu>
</nvidia_smi_log>
"""


def read_gpu(xml: str) -> SmiGpu:
    (found,) = parse_report(f"<r><gpu>{xml}</gpu></r>").gpus
    return found


def test_the_first_gpu_has_the_texts_of_the_report() -> None:
    assert parse_smi(REPORT) == {
        "driver": "580.105.08",
        "cuda-version": "13.0",
        "gpu-count": 2,
        "gpu.model": "NVIDIA H100 80GB HBM3",
        "gpu.product-architecture": "Hopper",
        "gpu.display-mode": "Requested functionality has been deprecated",
        "gpu.display-active": "Disabled",
        "gpu.persistence-mode": "Enabled",
        "gpu.addressing-mode": "HMM",
        "gpu.vbios-version": "96.00.99.00.01",
        "gpu.gsp-firmware-version": "580.105.08",
    }


def test_an_element_that_is_missing_gives_an_empty_text_and_blanks_stay() -> None:
    data = parse_smi("<r><gpu><product_name> x </product_name></gpu></r>")
    assert (data["gpu.model"], data["gpu.vbios-version"], data["driver"]) == (" x ", "", "")


def test_gpus_are_counted_whatever_attached_gpus_says() -> None:
    assert parse_smi("<r><attached_gpus>8</attached_gpus><gpu/></r>")["gpu-count"] == 1


@pytest.mark.parametrize(
    "report", ["", "no xml", "<a><b></a>", "<r><attached_gpus>two</attached_gpus></r>", b"\xff\xfe"]
)
def test_an_invalid_report_is_an_error(report: str | bytes) -> None:
    with pytest.raises(Internal, match="invalid nvidia-smi report"):
        parse_smi(report)


@given(st.binary() | st.text())
def test_any_input_is_a_report_or_an_error(report: str | bytes) -> None:
    with contextlib.suppress(Internal):
        parse_report(report)


def test_the_values_have_the_keys_of_nvml() -> None:
    first, second = parse_report(REPORT).gpus
    assert first.config["pci.bus-id"] == "0000:53:00.0"
    assert first.config["pci.device-id"] == "0x233010DE"
    assert (first.config["mig.current"], first.config["mig.pending"]) == (False, True)
    assert second.config == {"uuid": "GPU-b", "name": "NVIDIA H100 80GB HBM3"}


def test_a_text_that_is_no_value_is_its_reason() -> None:
    first, second = parse_report(REPORT).gpus
    assert first.failed == {}
    assert second.failed == {"persistence-mode": "GPU is lost", "ecc.current": "perhaps"}


def test_an_error_message_is_left_out_of_the_contracts_subtype_with_its_text() -> None:
    report = parse_report(
        "<r><driver_version>550.54</driver_version><cuda_version>Not Found</cuda_version><gpu>"
        "<product_name>ERR!</product_name><vbios_version>GPU requires\n reset</vbios_version>"
        "<addressing_mode>N/A</addressing_mode></gpu></r>"
    )
    assert report.failed == {
        "cuda-version": "Not Found",
        "gpu.model": "ERR!",
        "gpu.vbios-version": "GPU requires reset",
    }
    assert not report.failed.keys() & report.smi.keys()
    assert report.smi["gpu.addressing-mode"] == "N/A"
    assert report.system == {"driver": "550.54"}


def test_a_version_that_the_driver_does_not_have_is_none() -> None:
    report = parse_report(
        "<r><driver_version>390.157</driver_version><cuda_version>N/A</cuda_version></r>"
    )
    assert report.system == {"driver": "390.157"}
    assert report.smi["cuda-version"] == "N/A"


PLATFORM = "<platformInfo><slot_number>N/A</slot_number><module_id>{}</module_id></platformInfo>"
OLD_POWER = (
    "<power_readings><power_draw>61.50 W</power_draw><power_limit>200.00 W</power_limit>"
    "<default_power_limit>300.00 W</default_power_limit>"
    "<enforced_power_limit>190.00 W</enforced_power_limit>"
    "<min_power_limit>100.00 W</min_power_limit><max_power_limit>310.00 W</max_power_limit>"
    "</power_readings>"
)
NEW_POWER = (
    "<gpu_power_readings><average_power_draw>61.50 W</average_power_draw>"
    "<instant_power_draw>70.00 W</instant_power_draw>"
    "<current_power_limit>190.00 W</current_power_limit>"
    "<requested_power_limit>200.00 W</requested_power_limit>"
    "<default_power_limit>300.00 W</default_power_limit>"
    "<min_power_limit>100.00 W</min_power_limit><max_power_limit>310.00 W</max_power_limit>"
    "</gpu_power_readings>"
)


@pytest.mark.parametrize("xml", [OLD_POWER, NEW_POWER], ids=["driver 525", "driver 580"])
def test_power_is_read_from_the_elements_of_old_and_new_drivers(xml: str) -> None:
    found = read_gpu(xml)
    assert found.config == {
        "power.limit-mw": 200_000,
        "power.enforced-limit-mw": 190_000,
        "power.default-limit-mw": 300_000,
        "power.min-limit-mw": 100_000,
        "power.max-limit-mw": 310_000,
    }
    assert found.state == {"power.draw-mw": 61_500}


def test_the_draw_of_a_gpu_without_an_average_is_the_instantaneous_one() -> None:
    """As a Tesla T4 and an A100 report it with drivers 570 and 595."""
    found = read_gpu(NEW_POWER.replace("61.50 W", "N/A"))
    assert (found.state, found.state_failed) == ({"power.draw-mw": 70_000}, {})


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<gpu_part_number>900-2G183-0000-001</gpu_part_number>", "900-2G183-0000-001"),
        (
            "<board_part_number>692-2G506-0212-002</board_part_number>"
            "<gpu_part_number>20B2-895-A1</gpu_part_number>",
            "692-2G506-0212-002",
        ),
        (
            "<board_part_number>N/A</board_part_number>"
            "<gpu_part_number>2216-202-A1</gpu_part_number>",
            None,
        ),
    ],
    ids=["driver 515", "driver 535", "a board without number"],
)
def test_the_part_number_of_the_board_is_none_of_the_chip(xml: str, expected: str | None) -> None:
    found = read_gpu(xml)
    assert (found.config.get("board-part-number"), found.failed) == (expected, {})


@pytest.mark.parametrize("path", ["<gpu_module_id>{}</gpu_module_id>", PLATFORM])
def test_the_module_is_read_from_old_and_new_reports(path: str) -> None:
    assert read_gpu(path.format(4)).config == {"module-id": 4}
    assert read_gpu(path.format("N/A")).config == {}


def test_the_report_of_an_old_driver_is_read() -> None:
    """Driver 390: no CUDA version, architecture or GSP; the power limits in their old block."""
    report = parse_report(
        "<nvidia_smi_log><driver_version>390.157</driver_version><attached_gpus>1</attached_gpus>"
        '<gpu id="00000000:00:1E.0"><product_name>Tesla K80</product_name>'
        "<product_brand>Tesla</product_brand><display_mode>Disabled</display_mode>"
        "<persistence_mode>Disabled</persistence_mode><accounting_mode>Disabled</accounting_mode>"
        "<serial>0320000000000</serial><uuid>GPU-0a</uuid><minor_number>0</minor_number>"
        "<vbios_version>80.21.25.00.04</vbios_version><pci><pci_bus_id>00000000:00:1E.0</pci_bus_id>"
        "</pci><ecc_mode><current_ecc>Enabled</current_ecc><pending_ecc>Enabled</pending_ecc>"
        "</ecc_mode><compute_mode>Default</compute_mode><fan_speed>N/A</fan_speed>"
        f"<temperature><gpu_temp>36 C</gpu_temp></temperature>{OLD_POWER}</gpu></nvidia_smi_log>"
    )
    assert report.system == {"driver": "390.157"}
    assert (report.smi["gpu.model"], report.smi["cuda-version"]) == ("Tesla K80", "")
    (gpu,) = report.gpus
    assert (gpu.failed, gpu.state_failed, report.failed) == ({}, {}, {})
    assert gpu.config["persistence-mode"] is False
    assert gpu.config["power.enforced-limit-mw"] == 190_000
    assert gpu.state == {"minor-number": 0, "temperature.gpu-c": 36, "power.draw-mw": 61_500}


@pytest.mark.parametrize(
    "name", sorted(path.parent.name for path in HOSTS.glob("*/nvidia-smi-q-x.xml"))
)
def test_the_report_of_a_host_is_read_whole(name: str) -> None:
    report = parse_report((HOSTS / name / "nvidia-smi-q-x.xml").read_bytes())
    first = asdict(report.gpus[0]) if report.gpus else {}
    found = {"smi": report.smi, "failed": report.failed, "first": first}
    check_golden(f"gpu/smi-{name}.json", json.dumps(found, indent=2, sort_keys=True) + "\n")


def test_a_mig_device_has_its_index_and_one_without_is_a_reason() -> None:
    device = "<gpu_instance_id>{}</gpu_instance_id><compute_instance_id>0</compute_instance_id>"
    found = read_gpu(
        "<mig_devices>"
        f"<mig_device><index>2</index>{device.format(9)}</mig_device>"
        f"<mig_device><index>3</index>{device.format('Unknown Error')}</mig_device>"
        f"<mig_device><index>ERR!</index>{device.format(1)}</mig_device></mig_devices>"
    )
    unnamed = read_gpu(f"<mig_devices><mig_device>{device.format(1)}</mig_device></mig_devices>")
    assert unnamed.failed == {"mig-devices": 'a MIG device has the index ""'}
    assert unnamed.config == {}
    assert found.config == {
        "mig.2.gpu-instance-id": 9,
        "mig.2.compute-instance-id": 0,
        "mig.3.compute-instance-id": 0,
    }
    assert found.failed == {
        "mig.3.gpu-instance-id": "Unknown Error",
        "mig-devices": 'a MIG device has the index "ERR!"',
    }


def test_a_long_text_is_a_short_reason() -> None:
    assert read_gpu(f"<serial>{'? ' * 500}</serial>").failed == {"serial": ("? " * 500)[:100]}
