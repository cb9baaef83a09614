from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.path_hints import is_mistyped, suggest_path
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype

SNAPSHOT = Snapshot(
    {},
    (
        Measurement("OS", (Subtype("sysctl", {"/proc/sys/vm/swappiness": "60"}),)),
        Measurement("SystemD", (Subtype("kubelet.service", {"Restart": "always"}),)),
    ),
)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("os.SYSCTL./proc/sys/vm/swappiness", "OS.sysctl./proc/sys/vm/swappiness"),
        ("systemd.kubelet.service", "SystemD.kubelet.service"),
        ("restart", "SystemD.kubelet.service.Restart"),
        ("Service.Restart", "SystemD.kubelet.service.Restart"),
        ("estart", ""),
        ("SystemD.kublet.service.Restart", "SystemD.kubelet.service.Restart"),
        ("SystemD.kubelet.service.Restrat", "SystemD.kubelet.service.Restart"),
        ("SystemD.kublet.service.Nice", "SystemD.kubelet.service"),
        ("SystemDD", "SystemD"),
        # Of types that the document has not, too.
        ("GPUs.smi.driver", "GPU.smi.driver"),
        ("GPU.gpu-3.uid", "GPU.gpu-3.uuid"),
        ("kubelet-version", "K8s.node.kubelet-version"),
        *((f"{root}.x.y", f"OS.sysctl./proc/sys/{root}/x/y") for root in ("abi", "crypto")),
        ("/proc/sys/vm/swappiness", "OS.sysctl./proc/sys/vm/swappiness"),
        ("net.ipv4.ip_forward", "OS.sysctl./proc/sys/net/ipv4/ip_forward"),
        ("vm", ""),
        ("zzz.yyy.xxx", ""),
        # Never the path that was typed.
        ("GPU.gpu-1-state.persistence-mode", "GPU.gpu-*-state"),
    ],
)
def test_a_path_is_suggested_by_its_case_its_end_or_its_spelling(path: str, meant: str) -> None:
    assert suggest_path(path, SNAPSHOT, REGISTRY) == meant


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("GPU.gpu-1-state.persistence-mode", "GPU.gpu-1.persistence-mode"),
        ("GPU.gpu-1.recovery-action", "GPU.gpu-1-state.recovery-action"),
        ("GPU.gpu-1-stat.recovery-action", "GPU.gpu-1-state.recovery-action"),
        ("GPU.gpu-1.zzz", ""),
    ],
)
def test_a_key_of_the_other_subtype_of_a_device_is_found_there(path: str, meant: str) -> None:
    config = Subtype("gpu-1", {"persistence-mode": True, "uuid": "a"})
    state = Subtype("gpu-1-state", {"recovery-action": "None"})
    snapshot = Snapshot({}, (Measurement("GPU", (config, state)),))
    assert suggest_path(path, snapshot, REGISTRY) == meant


@pytest.mark.parametrize(
    ("name", "known", "is_mistake"),
    [
        ("nvida_peermem", "nvidia_peermem", True),
        ("nvidia_permem", "nvidia_peermem", True),
        ("nvidia_uvm", "nvidia_peermem", False),  # other words
        ("nvida_permem", "nvidia_peermem", False),  # two mistakes
        ("eth1", "eth0", False),  # no word
        ("nvidia", "nvidia_peermem", False),
        ("abc", "abd", False),  # too short
        ("abcd", "abce", False),
        ("abcde", "abcdf", True),
    ],
)
def test_one_misspelled_word_is_a_mistake(name: str, known: str, is_mistake: bool) -> None:
    assert is_mistyped(name, [known]) == is_mistake
