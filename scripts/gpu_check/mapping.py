"""Which reading of a snapshot has which counterpart elsewhere, and how the two are compared. Data.

A `*` stands for one number, the same on both sides: `nvlink.*.active` is `nvlink:*/state`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Optional, Union

from gpu_check.sources import parse_address

Value = Union[str, int, float, bool]
Convert = Callable[[str], Optional[Value]]
Express = Callable[[Value], Value]

# What the sources write where they have no value.
NO_VALUES = (
    "",
    "N/A",
    "Not Supported",
    "Requested functionality has been deprecated",
    "Insufficient Permissions",
    "Unknown Error",
    "Not Found",
    "GPU is lost",
    "GPU requires reset",
    "ERR!",
)
MIB = 1024 * 1024
# GT/s of a PCI Express link, and its generation.
LINK_SPEEDS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
PEER_TYPES = {"Direct Connected": 0, "Bridge Connected": 0, "Switch Connected": 1}


@dataclass(frozen=True)
class Check:
    """One reading and one counterpart. `why` says why two texts that differ mean the same.

    `express` turns our value, `convert` their text into what is compared; `convert` returns None
    for a text that is no value. Of a `moving` value ours may lie between two readings of theirs;
    `tolerance` is what it may lie beside them. Where a source cuts long lists off (`may_be_cut`),
    the beginning decides. What only follows from a source (`is_implied`) is not missing where we
    have no reading.
    """

    key: str
    source: str
    convert: Convert
    why: str = ""
    express: Express = lambda value: value
    tolerance: float = 0
    is_moving: bool = False
    may_be_cut: bool = False
    is_implied: bool = False


def has_value(text: str) -> bool:
    """Return whether a source's text is a value, and not its word for having none."""
    return text not in NO_VALUES and not (text.startswith("[") and text.endswith("]"))


def valued(convert: Callable[[str], Value | None]) -> Convert:
    """Return a conversion that knows the words for no value."""
    return lambda text: convert(text) if has_value(text) else None


def word(*words: tuple[str, Value]) -> Convert:
    """Return a conversion by a table; a word that is not in it stays as it is."""
    table = dict(words)
    return valued(lambda text: table.get(text, text))


def unit(name: str, factor: float = 1) -> Convert:
    """Return a conversion of a number that is followed by its unit."""

    def convert(text: str) -> Value:
        number, _, found = text.partition(" ")
        return float(number) * factor if found == name else text

    return valued(convert)


def _hexadecimal(text: str) -> Value:
    return f"0x{int(text, 16):08X}"


def _width(text: str) -> Value:
    return int(text.rstrip("x"))


def _generation(text: str) -> Value | None:
    return LINK_SPEEDS.get(text.split(" ")[0])  # a virtual machine may have `Unknown`


def _remote_device(text: str) -> Value | None:
    match = re.match(r"Remote Device (\S+):(?: Link|$)", text)
    return parse_address(match[1]) if match else None


def _in_mib(value: Value) -> Value:
    return float(value) / MIB


def _not_negative(text: str) -> Value | None:
    return None if int(text) < 0 else int(text)


def _model_word(text: str) -> str | None:
    """Return the model in a product name, `NVIDIA A100-SXM4-80GB`, in lower case."""
    found = re.search(r"\b(?:RTX PRO \d+|(?:GB|GH|[ABHLPTV])\d+[A-Z]*)\b", text)
    return found[0].lower().replace(" ", "-") if found else None


def _branch(value: Value) -> Value:
    match = re.match(r"r(\d+)", str(value))
    return int(match[1]) if match else value


def _major(text: str) -> Value:
    return int(text.partition(".")[0])


def _without_major(value: Value) -> Value:
    return str(value).partition(".")[2]


def _leading_zeros(value: Value) -> Value:
    return int(str(value), 16)


def _profile(value: Value) -> Value:
    return "MIG " + str(value).rpartition(" MIG ")[2]


TEXT = valued(str)
NUMBER = valued(int)
EXACT: Convert = str
ON_OFF = word(("Enabled", True), ("Disabled", False))
YES_NO = word(("Yes", True), ("No", False))
MILLIWATTS = unit("W", 1000)
MEGAHERTZ = unit("MHz")
MEBIBYTES = unit("MiB")
PERCENT = unit("%")
BANKS = unit("bank(s)")
ADDRESS = valued(parse_address)
HEXADECIMAL = valued(_hexadecimal)
WIDTH = valued(_width)

IN_WORDS = "true and false in words"
WATTS = "watts, ours in milliwatts"
WITH_UNIT = "with its unit, ours has it in the key"
IN_MIB = "rounded to MiB, ours in bytes"
CAPITALS = "other digits and capitals of one address"
BASE_16 = "one number, without 0x"

SYSTEM: tuple[Check, ...] = (
    Check("smi.driver", "smi:driver_version", EXACT),
    Check("smi.cuda-version", "smi:cuda_version", EXACT),
    Check("smi.gpu-count", "smi:attached_gpus", NUMBER),
    Check("device.driver", "smi:driver_version", TEXT),
    Check("device.driver", "proc:version", TEXT),
    Check("device.driver", "sys:module/version", TEXT),
    Check("device.kernel-module-flavor", "proc:flavor", TEXT),
    Check(
        "device.driver-branch",
        "smi:driver_version",
        valued(_major),
        "the branch has the version's first number",
        _branch,
        is_implied=True,
    ),
    Check(
        "device.nvml-version",
        "smi:driver_version",
        TEXT,
        "NVML's version is the driver's after the number of its interface",
        _without_major,
        is_implied=True,
    ),
    Check("device.cuda-version", "smi:cuda_version", TEXT),
    Check("device.count", "smi:attached_gpus", NUMBER),
    Check("device.model", "first:product_name", TEXT),
    Check("hardware.gpu-count", "smi:attached_gpus", NUMBER),
    Check("hardware.gpu-count", "sys:gpu-count", NUMBER),
    Check("hardware.gpu-present", "sys:gpu-present", YES_NO, IN_WORDS),
    Check("hardware.driver-loaded", "proc:loaded", YES_NO, IN_WORDS),
    Check(
        "hardware.model",
        "first:product_name",
        _model_word,
        "the model as AICR names it is a word of the product name",
        is_implied=True,
    ),
    *(
        Check(f"smi.gpu.{name.replace('_', '-')}", f"first:{name}", EXACT)
        for name in (
            "product_architecture",
            "display_mode",
            "display_active",
            "persistence_mode",
            "addressing_mode",
            "vbios_version",
            "gsp_firmware_version",
        )
    ),
    Check("smi.gpu.model", "first:product_name", EXACT),
)

IDENTITY: tuple[Check, ...] = (
    Check("pci.bus-id", "smi:pci/pci_bus_id", ADDRESS, CAPITALS),
    Check("pci.device-id", "smi:pci/pci_device_id", HEXADECIMAL, BASE_16),
    Check("pci.device-id", "sys:device-id", HEXADECIMAL, BASE_16),
    Check("pci.subsystem-id", "smi:pci/pci_sub_system_id", HEXADECIMAL, BASE_16),
    Check("pci.subsystem-id", "sys:subsystem-id", HEXADECIMAL, BASE_16),
    Check("pci.driver", "sys:driver", TEXT),
    Check("pci.numa-node", "sys:numa_node", valued(_not_negative)),
    Check("pci.numa-node", "topo:NUMA Affinity", NUMBER, is_implied=True),
    Check("uuid", "smi:uuid", TEXT),
    Check("uuid", "proc:GPU UUID", TEXT),
    Check("uuid", "list:uuid", TEXT),
    Check("name", "smi:product_name", TEXT),
    Check("name", "proc:Model", TEXT),
    Check("serial", "smi:serial", TEXT),
    Check("board-part-number", "smi:board_part_number", TEXT),
    Check("pdi", "smi:pdi", valued(lambda text: int(text, 16)), "one number, ours to base 10"),
    Check("brand", "smi:product_brand", TEXT),
    Check("architecture", "smi:product_architecture", TEXT),
    Check("cuda-compute-capability", "query:compute_cap", TEXT),
    Check("module-id", "smi:platformInfo/module_id", NUMBER),
    Check("platform.chassis-serial-number", "smi:platformInfo/chassis_serial_number", TEXT),
    Check("platform.slot-number", "smi:platformInfo/slot_number", NUMBER),
    Check("platform.tray-index", "smi:platformInfo/tray_index", NUMBER),
    Check("platform.host-id", "smi:platformInfo/host_id", NUMBER),
    # Boards without a place in a rack have the module's number alone.
    Check("platform.module-id", "smi:platformInfo/module_id", NUMBER, is_implied=True),
    Check(
        "platform.peer-type",
        "smi:platformInfo/peer_type",
        valued(lambda text: PEER_TYPES.get(text, text)),
        "nvml.h numbers these words",
    ),
    Check(
        "platform.ib-guid",
        "smi:platformInfo/gpu_fabric_guid",
        valued(lambda text: int(text, 16)),
        "one number, ours with leading zeros",
        _leading_zeros,
    ),
    Check(
        "memory.total-bytes", "smi:fb_memory_usage/total", MEBIBYTES, IN_MIB, _in_mib, tolerance=1
    ),
    Check(
        "bar1-memory.total-bytes",
        "smi:bar1_memory_usage/total",
        MEBIBYTES,
        IN_MIB,
        _in_mib,
        tolerance=1,
    ),
    Check("bar1-memory.total-bytes", "sys:bar1-bytes", NUMBER),
    # Ours, where nvidia-smi is the fallback.
    Check("memory.total-mib", "smi:fb_memory_usage/total", MEBIBYTES, WITH_UNIT, is_implied=True),
    Check(
        "bar1-memory.total-mib",
        "smi:bar1_memory_usage/total",
        MEBIBYTES,
        WITH_UNIT,
        is_implied=True,
    ),
    Check("vbios-version", "smi:vbios_version", TEXT),
    Check(
        "vbios-version",
        "proc:Video BIOS",
        valued(str.upper),
        "capitals",
        lambda value: str(value).upper(),
    ),
    Check("inforom.image-version", "smi:inforom_version/img_version", TEXT),
    Check("inforom.oem-version", "smi:inforom_version/oem_object", TEXT),
    Check("inforom.ecc-version", "smi:inforom_version/ecc_object", TEXT),
    Check("inforom.power-version", "smi:inforom_version/pwr_object", TEXT),
    Check("gsp-firmware.version", "smi:gsp_firmware_version", TEXT),
    Check("gsp-firmware.version", "proc:GPU Firmware", TEXT),
    Check(
        "gsp-firmware.enabled",
        "smi:gsp_firmware_version",
        has_value,
        "it has a version where it runs",
        is_implied=True,
    ),
)

SETTINGS: tuple[Check, ...] = (
    Check("ecc.current", "smi:ecc_mode/current_ecc", ON_OFF, IN_WORDS),
    Check("ecc.pending", "smi:ecc_mode/pending_ecc", ON_OFF, IN_WORDS),
    Check("mig.current", "smi:mig_mode/current_mig", ON_OFF, IN_WORDS),
    Check("mig.pending", "smi:mig_mode/pending_mig", ON_OFF, IN_WORDS),
    Check("mig.*.gpu-instance-id", "smi:mig/*/gpu_instance_id", NUMBER),
    Check("mig.*.compute-instance-id", "smi:mig/*/compute_instance_id", NUMBER),
    Check(
        "mig.*.multiprocessor-count",
        "smi:mig/*/device_attributes/shared/multiprocessor_count",
        NUMBER,
    ),
    Check(
        "mig.*.memory-size-mib",
        "smi:mig/*/fb_memory_usage/total",
        MEBIBYTES,
        WITH_UNIT,
        tolerance=1,
    ),
    Check("mig.*.uuid", "list:mig/*/uuid", TEXT),
    Check("mig.*.name", "list:mig/*/name", TEXT, "ours with the GPU's name before it", _profile),
    Check("persistence-mode", "smi:persistence_mode", ON_OFF, IN_WORDS),
    Check("compute-mode", "smi:compute_mode", TEXT),
    Check("accounting-mode", "smi:accounting_mode", ON_OFF, IN_WORDS),
    Check("display-mode", "smi:display_mode", ON_OFF, IN_WORDS),
    Check("display-active", "smi:display_active", ON_OFF, IN_WORDS),
    *(
        Check(f"power.{ours}-mw", f"smi:{theirs}", MILLIWATTS, WATTS)
        for ours, theirs in (
            ("limit", "gpu_power_readings/requested_power_limit"),
            ("enforced-limit", "gpu_power_readings/current_power_limit"),
            ("default-limit", "gpu_power_readings/default_power_limit"),
            ("min-limit", "gpu_power_readings/min_power_limit"),
            ("max-limit", "gpu_power_readings/max_power_limit"),
            # Before driver 530.
            ("limit", "power_readings/power_limit"),
            ("enforced-limit", "power_readings/enforced_power_limit"),
            ("default-limit", "power_readings/default_power_limit"),
            ("min-limit", "power_readings/min_power_limit"),
            ("max-limit", "power_readings/max_power_limit"),
        )
    ),
    *(
        Check(
            f"power.module.{name}-limit-mw",
            f"smi:module_power_readings/{name}_power_limit",
            MILLIWATTS,
            WATTS,
        )
        for name in ("min", "max", "default", "current", "requested")
    ),
    *(
        Check(f"clocks.max.{ours}-mhz", f"smi:max_clocks/{theirs}_clock", MEGAHERTZ, WITH_UNIT)
        for ours, theirs in (
            ("graphics", "graphics"),
            ("sm", "sm"),
            ("memory", "mem"),
            ("video", "video"),
        )
    ),
    *(
        Check(
            f"clocks.applications.{ours}-mhz",
            f"smi:applications_clocks/{theirs}_clock",
            MEGAHERTZ,
            WITH_UNIT,
        )
        for ours, theirs in (("graphics", "graphics"), ("memory", "mem"))
    ),
    Check("pcie.max-gen", "smi:pci/pci_gpu_link_info/pcie_gen/max_link_gen", NUMBER),
    Check("pcie.device-max-gen", "smi:pci/pci_gpu_link_info/pcie_gen/max_device_link_gen", NUMBER),
    Check(
        "pcie.device-max-gen",
        "sys:max_link_speed",
        valued(_generation),
        "the speed of the generation",
    ),
    Check(
        "pcie.max-width",
        "smi:pci/pci_gpu_link_info/link_widths/max_link_width",
        WIDTH,
        "lanes, with an x",
    ),
    Check("pcie.max-width", "sys:max_link_width", NUMBER),
    Check("cpu-affinity", "topo:CPU Affinity", TEXT, "cut off by nvidia-smi", may_be_cut=True),
    Check("cpu-affinity", "sys:local_cpulist", TEXT),
    Check("memory-affinity", "topo:NUMA Affinity", TEXT),
    Check("numa-node-id", "topo:GPU NUMA ID", NUMBER),
    Check("nvlink.link-count", "nvlink:(count)", NUMBER),
    Check(
        "nvlink.*.active",
        "nvlink:*/state",
        lambda text: "inactive" not in text.lower(),
        "a link with a speed is active",
    ),
    Check("nvlink.*.remote-pci-bus-id", "nvlink:*/remote", _remote_device, "the address in a line"),
    Check("fabric.state", "smi:fabric/state", TEXT),
    Check("fabric.status", "smi:fabric/status", TEXT),
    Check("fabric.clique-id", "smi:fabric/cliqueId", NUMBER),
    Check("fabric.cluster-uuid", "smi:fabric/clusterUuid", TEXT),
    Check("fabric.health-summary", "smi:fabric/health/summary", TEXT),
    Check("c2c-mode", "smi:c2c_mode", ON_OFF, IN_WORDS),
    Check(
        "conf-compute.feature-enabled", "cc:CC status", word(("ON", True), ("OFF", False)), IN_WORDS
    ),
    Check(
        "conf-compute.dev-tools-mode",
        "cc:DevTools Mode",
        word(("ON", True), ("OFF", False)),
        IN_WORDS,
    ),
    Check(
        "conf-compute.environment",
        "cc:CC Environment",
        valued(str.upper),
        "capitals",
        lambda value: str(value).upper(),
    ),
    Check("conf-compute.multi-gpu-mode", "cc:Multi-GPU Mode", TEXT),
    *(
        Check(
            f"dram-encryption.{name}",
            f"smi:dram_encryption_mode/{name}_dram_encryption",
            ON_OFF,
            IN_WORDS,
        )
        for name in ("current", "pending")
    ),
    Check("addressing-mode", "smi:addressing_mode", TEXT),
    Check("virtualization-mode", "smi:gpu_virtualization_mode/virtualization_mode", TEXT),
    Check("host-vgpu-mode", "smi:gpu_virtualization_mode/host_vgpu_mode", TEXT),
    Check(
        "egm-capability",
        "smi:capabilities/egm",
        word(("enabled", True), ("disabled", False)),
        IN_WORDS,
    ),
)


def _moving(
    key: str,
    source: str,
    convert: Convert,
    why: str = "",
    tolerance: float = 0,
    express: Express = lambda value: value,
) -> Check:
    return Check(key, source, convert, why, express, tolerance, is_moving=True)


STATE: tuple[Check, ...] = (
    Check("index", "query:index", NUMBER),
    Check("index", "smi:(order)", NUMBER),
    Check("minor-number", "smi:minor_number", NUMBER),
    Check("minor-number", "proc:Device Minor", NUMBER),
    _moving("temperature.gpu-c", "smi:temperature/gpu_temp", unit("C"), WITH_UNIT, 3),
    *(
        _moving("power.draw-mw", f"smi:{block}/{name}", MILLIWATTS, WATTS, 15_000)
        for block, name in (
            ("gpu_power_readings", "average_power_draw"),
            ("gpu_power_readings", "power_draw"),
            ("power_readings", "power_draw"),
        )
    ),
    _moving("utilization.gpu-percent", "smi:utilization/gpu_util", PERCENT, WITH_UNIT, 5),
    _moving("utilization.memory-percent", "smi:utilization/memory_util", PERCENT, WITH_UNIT, 5),
    _moving("performance-state", "smi:performance_state", TEXT),
    *(
        _moving(
            f"clocks.current.{ours}-mhz", f"smi:clocks/{theirs}_clock", MEGAHERTZ, WITH_UNIT, 30
        )
        for ours, theirs in (
            ("graphics", "graphics"),
            ("sm", "sm"),
            ("memory", "mem"),
            ("video", "video"),
        )
    ),
    _moving(
        "clocks.event-reasons", "smi:(event reasons)", HEXADECIMAL, "a bit for each active reason"
    ),
    *(
        _moving(
            f"memory.{name}-bytes", f"smi:fb_memory_usage/{name}", MEBIBYTES, IN_MIB, 64, _in_mib
        )
        for name in ("reserved", "used", "free")
    ),
    _moving("pcie.current-gen", "smi:pci/pci_gpu_link_info/pcie_gen/current_link_gen", NUMBER),
    _moving(
        "pcie.current-gen",
        "sys:current_link_speed",
        valued(_generation),
        "the speed of the generation",
    ),
    _moving(
        "pcie.current-width",
        "smi:pci/pci_gpu_link_info/link_widths/current_link_width",
        WIDTH,
        "lanes, with an x",
    ),
    _moving("pcie.current-width", "sys:current_link_width", NUMBER),
    _moving("pcie.replay-counter", "smi:pci/replay_counter", NUMBER),
    _moving("compute-process-count", "smi:(compute processes)", NUMBER, "how many are listed"),
    *(
        _moving(
            f"ecc.{since}-{kind}-errors",
            f"smi:(ecc {since} {kind})",
            NUMBER,
            "the sum of its parts",
        )
        for since in ("volatile", "aggregate")
        for kind in ("corrected", "uncorrected")
    ),
    Check(
        "ecc.sram-threshold-exceeded",
        "smi:ecc_errors/aggregate/sram_threshold_exceeded",
        YES_NO,
        IN_WORDS,
    ),
    Check("remapped-rows.correctable", "smi:remapped_rows/remapped_row_corr", NUMBER),
    Check("remapped-rows.uncorrectable", "smi:remapped_rows/remapped_row_unc", NUMBER),
    Check("remapped-rows.pending", "smi:remapped_rows/remapped_row_pending", YES_NO, IN_WORDS),
    Check(
        "remapped-rows.failure-occurred",
        "smi:remapped_rows/remapped_row_failure",
        YES_NO,
        IN_WORDS,
    ),
    *(
        Check(
            f"remapped-rows.histogram.{name}-banks",
            f"smi:remapped_rows/row_remapper_histogram/row_remapper_histogram_{name}",
            BANKS,
            WITH_UNIT,
        )
        for name in ("max", "high", "partial", "low", "none")
    ),
    Check(
        "retired-pages.single-bit-ecc",
        "smi:retired_pages/multiple_single_bit_retirement/retired_count",
        NUMBER,
    ),
    Check(
        "retired-pages.double-bit-ecc",
        "smi:retired_pages/double_bit_retirement/retired_count",
        NUMBER,
    ),
    Check("retired-pages.pending", "smi:retired_pages/pending_retirement", YES_NO, IN_WORDS),
    Check("repair.channel-pending", "smi:ecc_errors/channel_repair_pending", YES_NO, IN_WORDS),
    Check("repair.tpc-pending", "smi:ecc_errors/tpc_repair_pending", YES_NO, IN_WORDS),
    Check("recovery-action", "smi:gpu_recovery_action", TEXT),
)
CONFIG = IDENTITY + SETTINGS
