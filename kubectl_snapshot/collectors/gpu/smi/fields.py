"""The elements of a report of `nvidia-smi -q -x`, by the keys of the NVML values. Pure.

Where nvidia-smi has no value it writes why instead, in words that depend on its version. A text is
a value only if it has the shape of one; any other text is a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.gpu import enums
from kubectl_snapshot.clients.host.pci import parse_address
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from kubectl_snapshot.clients.gpu.readers import Value

# This GPU or driver does not have the value: no reason.
ABSENT = (
    "",
    "N/A",
    "[N/A]",
    "Not Supported",
    "[Not Supported]",
    "Requested functionality has been deprecated",
)
# A name or a mode has none of these words; each error string of NVML (nvmlErrorString) has one.
ERROR_WORDS = frozenset(
    "already blocked corrupted denied deprecated err error failed failure insufficient interrupt"
    " invalid lost mismatch no not required requires timeout unable unavailable uninitialized"
    " unknown use".split()
)
SERIAL = compile_late(r"(?=.*\d)[0-9A-Za-z][0-9A-Za-z./_-]*", re.ASCII)
UUID = compile_late(r"GPU-[0-9A-Za-z-]+", re.ASCII)
HEXADECIMAL = compile_late(r"(?:0x)?[0-9A-Fa-f]{1,16}", re.ASCII)
NUMBER = compile_late(r"\d{1,19}", re.ASCII)
DECIMAL = compile_late(r"\d{1,19}(?:\.\d{1,9})?", re.ASCII)
WIDTH = compile_late(r"\d{1,2}x", re.ASCII)
PERFORMANCE_STATE = compile_late(r"P\d{1,2}", re.ASCII)

Convert = Callable[[str], "Value"]
# A key, its elements from the newest driver's to the oldest's, and the conversion.
Field = tuple[str, tuple[str, ...], Convert]


def parse_identifier(text: str) -> str:
    """Return a version, serial or part number: no blanks, a digit; raises InvalidRequest."""
    return _match(SERIAL, text)


def parse_uuid(text: str) -> str:
    """Return a GPU's UUID; raises InvalidRequest."""
    return _match(UUID, text)


def parse_words(text: str) -> str:
    """Return a product's name or a mode; raises InvalidRequest for an error message."""
    words = re.findall(r"[a-z]+", text.lower())
    if text[:1] in ("", "[", "<") or text.endswith("!") or ERROR_WORDS.intersection(words):
        raise InvalidRequest(f"not a value: {text[:80]}")
    return text


def _name_of(names: enums.Names) -> Convert:
    """Return the conversion of an enum's name: a known one, or a new one."""
    known = frozenset(names.values()) - {enums.UNKNOWN}
    return lambda text: text if text in known else parse_words(text)


def parse_enabled(text: str) -> bool:
    """Return whether a mode is enabled; raises InvalidRequest."""
    return _choose(text, "Enabled", "Disabled")


def _parse_yes(text: str) -> bool:
    return _choose(text, "Yes", "No")


def _parse_egm(text: str) -> bool:
    return _choose(text, "enabled", "disabled")


def _choose(text: str, true: str, false: str) -> bool:
    if text not in (true, false):
        raise InvalidRequest(f"not a value: {text[:80]}")
    return text == true


def _match(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise InvalidRequest(f"not a value: {text[:80]}")
    return text


def _parse_hexadecimal(text: str) -> str:
    return f"0x{int(_match(HEXADECIMAL, text), 16):08X}"


def _parse_pdi(text: str) -> int:
    return int(_match(HEXADECIMAL, text), 16)


def _parse_width(text: str) -> int:
    return int(_match(WIDTH, text)[:-1])


def _parse_state(text: str) -> str:
    return _match(PERFORMANCE_STATE, text)


def _parse_number(text: str) -> int:
    number = int(_match(NUMBER, text))
    if number in enums.NOT_AVAILABLE:
        raise InvalidRequest(f"not a value: {text[:80]}")
    return number


def _measure(unit: str, factor: int = 1) -> Convert:
    """Return the conversion of a number that is followed by its unit."""

    def convert(text: str) -> int:
        number, _, found = text.partition(" ")
        if found != unit:
            raise InvalidRequest(f"not a value: {text[:80]}")
        return round(float(_match(DECIMAL, number)) * factor)

    return convert


MILLIWATTS, MEGAHERTZ, MEBIBYTES = _measure("W", 1000), _measure("MHz"), _measure("MiB")
PERCENT, CELSIUS = _measure("%"), _measure("C")
CLOCKS = {"graphics": "graphics", "sm": "sm", "memory": "mem", "video": "video"}
LINK = "pci/pci_gpu_link_info"
ENCRYPTION = "dram_encryption_mode"
RETIREMENTS = {
    "single-bit": "multiple_single_bit_retirement",
    "double-bit": "double_bit_retirement",
}
# Elements whose name means something else in reports that have the second one (driver 525 on).
RENAMED = {"gpu_part_number": "board_part_number"}
# The blocks of power limits since driver 530, and before it.
POWER, OLD_POWER = "gpu_power_readings", "power_readings"


def _one(key: str, path: str, convert: Convert) -> Field:
    return key, (path,), convert


CONFIG: tuple[Field, ...] = (
    _one("pci.bus-id", "pci/pci_bus_id", parse_address),
    _one("pci.device-id", "pci/pci_device_id", _parse_hexadecimal),
    _one("pci.subsystem-id", "pci/pci_sub_system_id", _parse_hexadecimal),
    _one("uuid", "uuid", parse_uuid),
    _one("name", "product_name", parse_words),
    _one("serial", "serial", parse_identifier),
    _one("board-part-number", "board_part_number", parse_identifier),
    _one("pdi", "pdi", _parse_pdi),
    _one("brand", "product_brand", _name_of(enums.BRANDS)),
    _one("architecture", "product_architecture", _name_of(enums.ARCHITECTURES)),
    ("module-id", ("platformInfo/module_id", "gpu_module_id"), _parse_number),
    _one("platform.chassis-serial-number", "platformInfo/chassis_serial_number", parse_identifier),
    _one("platform.slot-number", "platformInfo/slot_number", _parse_number),
    _one("platform.tray-index", "platformInfo/tray_index", _parse_number),
    _one("platform.host-id", "platformInfo/host_id", _parse_number),
    _one("vbios-version", "vbios_version", parse_identifier),
    _one("gsp-firmware.version", "gsp_firmware_version", parse_identifier),
    _one("inforom.image-version", "inforom_version/img_version", parse_identifier),
    _one("inforom.oem-version", "inforom_version/oem_object", parse_identifier),
    _one("inforom.ecc-version", "inforom_version/ecc_object", parse_identifier),
    _one("inforom.power-version", "inforom_version/pwr_object", parse_identifier),
    # NVML has bytes; the report rounds.
    _one("memory.total-mib", "fb_memory_usage/total", MEBIBYTES),
    _one("bar1-memory.total-mib", "bar1_memory_usage/total", MEBIBYTES),
    _one("ecc.current", "ecc_mode/current_ecc", parse_enabled),
    _one("ecc.pending", "ecc_mode/pending_ecc", parse_enabled),
    _one("dram-encryption.current", f"{ENCRYPTION}/current_dram_encryption", parse_enabled),
    _one("dram-encryption.pending", f"{ENCRYPTION}/pending_dram_encryption", parse_enabled),
    _one("mig.current", "mig_mode/current_mig", parse_enabled),
    _one("mig.pending", "mig_mode/pending_mig", parse_enabled),
    _one("persistence-mode", "persistence_mode", parse_enabled),
    _one("accounting-mode", "accounting_mode", parse_enabled),
    _one("display-mode", "display_mode", parse_enabled),
    _one("display-active", "display_active", parse_enabled),
    _one("c2c-mode", "c2c_mode", parse_enabled),
    _one("egm-capability", "capabilities/egm", _parse_egm),
    _one("compute-mode", "compute_mode", _name_of(enums.COMPUTE_MODES)),
    _one("addressing-mode", "addressing_mode", _name_of(enums.ADDRESSING_MODES)),
    _one(
        "virtualization-mode",
        "gpu_virtualization_mode/virtualization_mode",
        _name_of(enums.VIRTUALIZATION_MODES),
    ),
    _one(
        "host-vgpu-mode", "gpu_virtualization_mode/host_vgpu_mode", _name_of(enums.HOST_VGPU_MODES)
    ),
    # nvmlDeviceGetPowerManagementLimit is what was requested, the enforced limit may be lower.
    (
        "power.limit-mw",
        (f"{POWER}/requested_power_limit", f"{OLD_POWER}/power_limit"),
        MILLIWATTS,
    ),
    (
        "power.enforced-limit-mw",
        (f"{POWER}/current_power_limit", f"{OLD_POWER}/enforced_power_limit"),
        MILLIWATTS,
    ),
    *(
        (
            f"power.{name}-limit-mw",
            (f"{POWER}/{name}_power_limit", f"{OLD_POWER}/{name}_power_limit"),
            MILLIWATTS,
        )
        for name in ("default", "min", "max")
    ),
    *(
        _one(
            f"power.module.{name}-limit-mw",
            f"module_power_readings/{name}_power_limit",
            MILLIWATTS,
        )
        for name in ("min", "max", "default", "current", "requested")
    ),
    *(
        _one(f"clocks.max.{name}-mhz", f"max_clocks/{element}_clock", MEGAHERTZ)
        for name, element in CLOCKS.items()
    ),
    _one("clocks.applications.graphics-mhz", "applications_clocks/graphics_clock", MEGAHERTZ),
    _one("clocks.applications.memory-mhz", "applications_clocks/mem_clock", MEGAHERTZ),
    _one("pcie.max-gen", f"{LINK}/pcie_gen/max_link_gen", _parse_number),
    _one("pcie.device-max-gen", f"{LINK}/pcie_gen/max_device_link_gen", _parse_number),
    _one("pcie.max-width", f"{LINK}/link_widths/max_link_width", _parse_width),
    _one("fabric.state", "fabric/state", _name_of(enums.FABRIC_STATES)),
    _one("fabric.status", "fabric/status", parse_words),
    _one("fabric.clique-id", "fabric/cliqueId", _parse_number),
    _one("fabric.cluster-uuid", "fabric/clusterUuid", parse_identifier),
    _one("fabric.health-summary", "fabric/health/summary", _name_of(enums.FABRIC_HEALTH)),
)
STATE: tuple[Field, ...] = (
    _one("minor-number", "minor_number", _parse_number),
    _one("temperature.gpu-c", "temperature/gpu_temp", CELSIUS),
    (
        "power.draw-mw",
        # nvmlDeviceGetPowerUsage is the average, but on GA100 and older GPUs, which have none.
        (
            *(f"{POWER}/{name}_power_draw" for name in ("average", "instant")),
            f"{POWER}/power_draw",
            f"{OLD_POWER}/power_draw",
        ),
        MILLIWATTS,
    ),
    _one("utilization.gpu-percent", "utilization/gpu_util", PERCENT),
    _one("utilization.memory-percent", "utilization/memory_util", PERCENT),
    _one("performance-state", "performance_state", _parse_state),
    *(
        _one(f"clocks.current.{name}-mhz", f"clocks/{element}_clock", MEGAHERTZ)
        for name, element in CLOCKS.items()
    ),
    _one("pcie.current-gen", f"{LINK}/pcie_gen/current_link_gen", _parse_number),
    _one("pcie.current-width", f"{LINK}/link_widths/current_link_width", _parse_width),
    _one("pcie.replay-counter", "pci/replay_counter", _parse_number),
    _one("remapped-rows.correctable", "remapped_rows/remapped_row_corr", _parse_number),
    _one("remapped-rows.uncorrectable", "remapped_rows/remapped_row_unc", _parse_number),
    _one("remapped-rows.pending", "remapped_rows/remapped_row_pending", _parse_yes),
    _one("remapped-rows.failure-occurred", "remapped_rows/remapped_row_failure", _parse_yes),
    *(
        _one(
            f"remapped-rows.histogram.{name}-banks",
            f"remapped_rows/row_remapper_histogram/row_remapper_histogram_{name}",
            _measure("bank(s)"),
        )
        for name in ("max", "high", "partial", "low", "none")
    ),
    *(
        _one(f"retired-pages.{name}-ecc", f"retired_pages/{element}/retired_count", _parse_number)
        for name, element in RETIREMENTS.items()
    ),
    _one("retired-pages.pending", "retired_pages/pending_retirement", _parse_yes),
    _one("ecc.sram-threshold-exceeded", "ecc_errors/aggregate/sram_threshold_exceeded", _parse_yes),
    _one("repair.channel-pending", "ecc_errors/channel_repair_pending", _parse_yes),
    _one("repair.tpc-pending", "ecc_errors/tpc_repair_pending", _parse_yes),
    _one("recovery-action", "gpu_recovery_action", _name_of(enums.RECOVERY_ACTIONS)),
)
# Of each `mig_devices/mig_device`, whose index is its element `index`.
MIG_DEVICE: tuple[Field, ...] = (
    _one("gpu-instance-id", "gpu_instance_id", _parse_number),
    _one("compute-instance-id", "compute_instance_id", _parse_number),
    _one("multiprocessor-count", "device_attributes/shared/multiprocessor_count", _parse_number),
)
