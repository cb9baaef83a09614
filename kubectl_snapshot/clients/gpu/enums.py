"""Names of NVML's enums, by number. Data.

Source: nvml.h and the comments of nvidia-ml-py; the spelling is nvidia-smi's where public reports
of drivers 418 to 595 have the value. UNKNOWN is NVML's number for a value that it does not know: it
is never written.
"""

from __future__ import annotations

from collections.abc import Mapping

UNKNOWN = ""
# NVML_VALUE_NOT_AVAILABLE as an unsigned and a signed number of 32 or 64 bits.
NOT_AVAILABLE = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF, -1)

Names = Mapping[int, str]

ARCHITECTURES: Names = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada Lovelace",
    9: "Hopper",
    10: "Blackwell",
    11: "DLA",
    12: "DLA2",
    13: "Rubin",
    15: "NPU3",
    0xFFFFFFFF: UNKNOWN,
}
BRANDS: Names = {
    0: UNKNOWN,
    1: "Quadro",
    2: "Tesla",
    3: "NVS",
    4: "GRID",
    5: "GeForce",
    6: "TITAN",
    7: "NVIDIA Virtual Applications",
    8: "NVIDIA Virtual PC",
    9: "NVIDIA Virtual Compute Server",
    10: "NVIDIA RTX Virtual Workstation",
    11: "NVIDIA Cloud Gaming",
    12: "Quadro RTX",
    13: "NVIDIA RTX",
    14: "NVIDIA",
    15: "GeForce RTX",
    16: "TITAN RTX",
    17: "NVIDIA DLA",
    18: "NVIDIA RTX Virtual Game Dev",
    19: "NVIDIA NPU",
}
COMPUTE_MODES: Names = {
    0: "Default",
    1: "Exclusive_Thread",
    2: "Prohibited",
    3: "Exclusive_Process",
}
VIRTUALIZATION_MODES: Names = {
    0: "None",
    1: "Pass-Through",
    2: "VGPU",
    3: "Host VGPU",
    4: "Host VSGA",
}
HOST_VGPU_MODES: Names = {0: "Non SR-IOV", 1: "SR-IOV"}
ADDRESSING_MODES: Names = {0: "None", 1: "HMM", 2: "ATS"}
RECOVERY_ACTIONS: Names = {
    0: "None",
    1: "Reset",
    2: "Reboot",
    3: "Drain P2P",
    4: "Drain and Reset",
    5: "Recover IMEX Domain",
    6: "Bus Reset",
    7: "System Reboot",
}
PERFORMANCE_STATES: Names = {**{number: f"P{number}" for number in range(16)}, 32: UNKNOWN}
FABRIC_STATES: Names = {0: "Not Supported", 1: "Not Started", 2: "In Progress", 3: "Completed"}
# 0, NVML_GPU_FABRIC_HEALTH_SUMMARY_NOT_SUPPORTED, is left out (nvlink.py).
FABRIC_HEALTH: Names = {1: "Healthy", 2: "Unhealthy", 3: "Limited Capacity"}
REMOTE_TYPES: Names = {0: "GPU", 1: "IBMNPU", 2: "Switch", 255: UNKNOWN}
# As in `nvidia-smi topo -m`, but INT: two GPUs on one board.
ANCESTORS: Names = {0: "INT", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS"}
CC_ENVIRONMENTS: Names = {0: "Unavailable", 1: "Simulation", 2: "Production"}
CC_MULTI_GPU_MODES: Names = {0: "None", 1: "Protected PCIe", 2: "NVLE"}
