"""The names of NVML's enums are complete: every constant of the newest nvidia-ml-py has one."""

from __future__ import annotations

import pynvml
import pytest

from kubectl_snapshot.clients.gpu import enums
from kubectl_snapshot.clients.gpu.enums import NOT_AVAILABLE, UNKNOWN, Names
from kubectl_snapshot.clients.gpu.readers import NoValue, Unclear, flag, name_by, number

TABLES: dict[str, Names] = {
    "NVML_BRAND_": enums.BRANDS,
    "NVML_DEVICE_ARCH_": enums.ARCHITECTURES,
    "NVML_COMPUTEMODE_": enums.COMPUTE_MODES,
    "NVML_GPU_VIRTUALIZATION_MODE_": enums.VIRTUALIZATION_MODES,
    "NVML_HOST_VGPU_MODE_": enums.HOST_VGPU_MODES,
    "NVML_DEVICE_ADDRESSING_MODE_": enums.ADDRESSING_MODES,
    "NVML_GPU_RECOVERY_ACTION_": enums.RECOVERY_ACTIONS,
    "NVML_PSTATE_": enums.PERFORMANCE_STATES,
    "NVML_GPU_FABRIC_STATE_": enums.FABRIC_STATES,
    "NVML_GPU_FABRIC_HEALTH_SUMMARY_": enums.FABRIC_HEALTH,
    "NVML_NVLINK_DEVICE_TYPE_": enums.REMOTE_TYPES,
    "NVML_TOPOLOGY_": enums.ANCESTORS,
    "NVML_CC_SYSTEM_ENVIRONMENT_": enums.CC_ENVIRONMENTS,
    "NVML_CC_SYSTEM_MULTIGPU_": enums.CC_MULTI_GPU_MODES,
}
# Constants that count the others, and one that is left out.
NOT_NAMED = (
    "NVML_BRAND_COUNT",
    "NVML_COMPUTEMODE_COUNT",
    "NVML_GPU_FABRIC_HEALTH_SUMMARY_NOT_SUPPORTED",
)


def constants(prefix: str) -> dict[str, int]:
    names = (name for name in dir(pynvml) if name.startswith(prefix) and name not in NOT_NAMED)
    return {name: getattr(pynvml, name) for name in names}


@pytest.mark.parametrize("prefix", TABLES)
def test_every_constant_of_nvml_has_a_name_and_no_other(prefix: str) -> None:
    assert set(constants(prefix).values()) == set(TABLES[prefix])


@pytest.mark.parametrize("prefix", TABLES)
def test_what_nvml_calls_unknown_is_never_written(prefix: str) -> None:
    sentinels = {n for name, n in constants(prefix).items() if name.endswith("_UNKNOWN")}
    assert {n for n, name in TABLES[prefix].items() if name == UNKNOWN} == sentinels
    for sentinel in (*sentinels, *NOT_AVAILABLE):
        with pytest.raises(Unclear, match="not known to NVML"):
            name_by(TABLES[prefix])(sentinel)


@pytest.mark.parametrize("prefix", TABLES)
def test_a_constant_of_a_newer_driver_is_written_as_unknown(prefix: str) -> None:
    assert name_by(TABLES[prefix])(99) == "unknown (99)"


def test_names_are_nvidia_smis() -> None:
    assert name_by(enums.ARCHITECTURES)(8) == "Ada Lovelace"
    assert name_by(enums.BRANDS)(14) == "NVIDIA"
    assert name_by(enums.COMPUTE_MODES)(3) == "Exclusive_Process"
    assert [name_by(enums.BRANDS)(number) for number in (9, 10)] == [
        "NVIDIA Virtual Compute Server",
        "NVIDIA RTX Virtual Workstation",
    ]
    actions = [name_by(enums.RECOVERY_ACTIONS)(number) for number in range(5)]
    assert actions == ["None", "Reset", "Reboot", "Drain P2P", "Drain and Reset"]


@pytest.mark.parametrize("sentinel", NOT_AVAILABLE)
def test_a_sentinel_is_no_number(sentinel: int) -> None:
    for convert in (number, flag):
        with pytest.raises(NoValue):
            convert(sentinel)


def test_the_sentinels_are_nvmls() -> None:
    assert pynvml.NVML_VALUE_NOT_AVAILABLE_uint.value in NOT_AVAILABLE
    assert pynvml.NVML_VALUE_NOT_AVAILABLE_ulonglong.value in NOT_AVAILABLE


def test_a_switch_that_is_neither_on_nor_off_is_not_guessed() -> None:
    assert (flag(0), flag(1)) == (False, True)
    with pytest.raises(Unclear, match=r"unknown \(2\)"):
        flag(2)


def test_numbers_stay() -> None:
    assert [number(value) for value in (0, 1, 2**31, 2**32, 2**64 - 2)] == [
        *(0, 1, 2**31, 2**32),
        2**64 - 2,
    ]
