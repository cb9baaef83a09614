"""The report of `nvidia-smi -q -x`: the contract's subtype, and the settings of each GPU."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.gpu.smi_report import parse_gpus, parse_smi
from kubectl_snapshot.errors import Internal

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
		<gpu_power_readings><current_power_limit>650.50 W</current_power_limit></gpu_power_readings>
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
    try:
        parse_smi(report)
        parse_gpus(report)
    except Internal:
        pass


def test_the_settings_have_the_keys_of_the_nvml_values() -> None:
    first, second = parse_gpus(REPORT)
    assert first["pci.bus-id"] == "0000:53:00.0"
    assert first["pci.device-id"] == "0x233010DE"
    assert (first["mig.current"], first["mig.pending"]) == (False, True)
    assert first["power.limit-mw"] == 650500
    assert second == {"uuid": "GPU-b", "name": "NVIDIA H100 80GB HBM3"}
