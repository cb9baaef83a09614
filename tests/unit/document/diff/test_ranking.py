from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.change import ADDED, CHANGED, REMOVED, UNKNOWN, Change
from kubectl_snapshot.document.diff.ranking import merge_repeats, sort_by_rank
from kubectl_snapshot.document.snapshot import Scalar


def changed(path: str, before: Scalar = "1", after: Scalar = "2", kind: str = CHANGED) -> Change:
    for subtype in (
        "K8s.node",
        "GPU.smi",
        "GPU.device",
        "GPU.hardware",
        "GPU.gpu-0",
        "GPU.gpu-0-state",
        "OS.grub",
        "OS.sysctl",
        "SystemD.a.service",
        "SystemD.b.service",
    ):
        if path.startswith(f"{subtype}."):
            return Change(subtype, path[len(subtype) + 1 :], kind, before, after)
    return Change(path, "", kind)


def test_the_most_telling_change_is_first() -> None:
    changes = [
        changed("K8s.node.os-image"),
        changed("GPU.smi.driver"),
        Change("GPU.gpu-0", "", UNKNOWN),
        changed("OS.sysctl./proc/sys/vm/swappiness"),
        changed("SystemD.a.service.ActiveState"),
        changed("GPU.gpu-0-state.recovery-action"),
        Change("GPU.gpu-1", "", REMOVED),
    ]
    assert [change.path for change in sort_by_rank(changes, REGISTRY)] == [
        "GPU.gpu-1",
        "GPU.gpu-0-state.recovery-action",
        "SystemD.a.service.ActiveState",
        "GPU.smi.driver",
        "K8s.node.os-image",
        "OS.sysctl./proc/sys/vm/swappiness",
        "GPU.gpu-0",
    ]


def test_the_changes_of_a_subtype_stay_together_the_most_telling_first() -> None:
    changes = [
        changed("SystemD.a.service.Nice"),
        changed("SystemD.b.service.Environment"),
        changed("SystemD.b.service.ActiveState"),
        Change("SystemD.b.service", "", UNKNOWN),
    ]
    assert [change.path for change in sort_by_rank(changes, REGISTRY)] == [
        "SystemD.b.service.ActiveState",
        "SystemD.b.service.Environment",
        "SystemD.a.service.Nice",
        "SystemD.b.service",
    ]


def test_a_fact_that_is_said_in_three_places_is_one_change() -> None:
    kernel = changed("K8s.node.kernel-version", "6.8.0-1", "6.8.0-2")
    release = changed("OS.sysctl./proc/sys/kernel/osrelease", "6.8.0-1", "6.8.0-2")
    image = changed("OS.grub.BOOT_IMAGE", "/boot/vmlinuz-6.8.0-1", "/boot/vmlinuz-6.8.0-2")
    (kept,) = merge_repeats([image, kernel, release], REGISTRY)
    assert (kept.path, kept.also) == (kernel.path, (image.path, release.path))
    # Without the first, the second is reported.
    (kept,) = merge_repeats([image, release], REGISTRY)
    assert (kept.path, kept.also) == (release.path, (image.path,))


DRIVER = changed("GPU.smi.driver", "580.105.08", "570.158.01")


@pytest.mark.parametrize(
    ("path", "before", "after", "is_merged"),
    [
        ("GPU.device.driver", "580.105.08", "570.158.01", True),
        ("GPU.device.nvml-version", "13.580.105.08", "13.570.158.01", True),
        ("GPU.device.nvml-version", "13.580.105.08", "12.570.158.01", False),
        ("GPU.device.driver", "580.105.08", "570.1", False),
        ("GPU.device.driver", "580.1", "570.158.01", False),
        ("GPU.device.driver-branch", "580.105.08", "570.158.01", False),
    ],
)
def test_only_the_same_change_is_a_repetition(
    path: str, before: str, after: str, is_merged: bool
) -> None:
    found = merge_repeats([DRIVER, changed(path, before, after)], REGISTRY)
    assert len(found) == (1 if is_merged else 2)
    assert found[0].also == ((path,) if is_merged else ())


def test_another_kind_of_change_is_no_repetition() -> None:
    other = changed("GPU.device.driver", "580.105.08", "570.158.01", ADDED)
    assert merge_repeats([DRIVER, other], REGISTRY) == [DRIVER, other]
    assert merge_repeats([DRIVER, DRIVER], REGISTRY) == [DRIVER, DRIVER]


def test_words_of_smi_repeat_what_the_gpu_says() -> None:
    words = changed("GPU.smi.gpu.persistence-mode", "Enabled", "Disabled")
    gpu = changed("GPU.gpu-0.persistence-mode", True, False)
    (kept,) = merge_repeats([words, gpu], REGISTRY)
    assert (kept.path, kept.also) == ("GPU.gpu-0.persistence-mode", (words.path,))
    assert merge_repeats([words], REGISTRY) == [words]
    # Of one that could not be told as on or off before, or after.
    for before, after in ((True, "N/A"), ("N/A", True)):
        gpu = changed("GPU.gpu-0.persistence-mode", before, after)
        assert len(merge_repeats([words, gpu], REGISTRY)) == 1
