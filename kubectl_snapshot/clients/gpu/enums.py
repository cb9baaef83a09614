"""Numbers of nvml.h and what they mean; where nvidia-smi has words for them, in its words."""

from __future__ import annotations

ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada Lovelace",
    9: "Hopper",
    10: "Blackwell",
    13: "Rubin",
}
BRANDS = {
    1: "Quadro",
    2: "Tesla",
    3: "NVS",
    4: "GRID",
    5: "GeForce",
    6: "TITAN",
    12: "Quadro RTX",
    13: "NVIDIA RTX",
    14: "NVIDIA",
}
COMPUTE_MODES = {0: "Default", 2: "Prohibited", 3: "Exclusive_Process"}
VIRTUALIZATION_MODES = {0: "None", 1: "Pass-Through", 2: "VGPU", 3: "Host VGPU", 4: "Host VSGA"}
HOST_VGPU_MODES = {0: "Non SR-IOV", 1: "SR-IOV"}
ADDRESSING_MODES = {0: "None", 1: "HMM", 2: "ATS"}
RECOVERY_ACTIONS = {
    0: "None",
    1: "GPU Reset",
    2: "Node Reboot",
    3: "Drain P2P",
    4: "Drain and Reset",
    5: "Recover IMEX Domain",
}
FABRIC_STATES = {0: "Not Supported", 1: "Not Started", 2: "In Progress", 3: "Completed"}
FABRIC_HEALTH = {0: "Not Supported", 1: "Healthy", 2: "Unhealthy", 3: "Limited Capacity"}
CC_ENVIRONMENTS = {0: "Unavailable", 1: "Simulation", 2: "Production"}
CC_MULTI_GPU_MODES = {0: "None", 1: "Protected PCIe", 2: "NVLE"}
REMOTE_TYPES = {0: "GPU", 1: "IBMNPU", 2: "Switch"}
# The words of `nvidia-smi topo -m`; the first is its two GPUs on one board.
ANCESTORS = {0: "INT", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS"}
