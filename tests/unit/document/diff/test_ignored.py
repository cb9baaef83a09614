from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.ignored import (
    IgnoredPath,
    build_ignore_rules,
    list_identity,
    list_volatile,
)

IGNORE = build_ignore_rules(REGISTRY)
is_volatile, is_identity, normalize = IGNORE.is_volatile, IGNORE.is_identity, IGNORE.normalize
# How contract 2.4 has one command: path, arguments, flag, four times, PID, how it ended.
RUN = "[[/bin/a [/bin/a -v] false 1795430148344405 12569522771 0 0 129 0 0]]"


@pytest.mark.parametrize(
    "path",
    [
        "metadata.run-id",
        "GPU.gpu-11-state.temperature.gpu-celsius",
        "OS.sysctl./proc/sys/kernel/random/uuid",
        "OS.sysctl./proc/sys/fs/quota/lookups",
        "OS.sysctl./proc/sys/kernel/sched_domain/cpu0/domain0/max_newidle_lb_cost",
        "SystemD.kubelet.service.ActiveEnterTimestampMonotonic",
        "SystemD.kubelet.service.MemoryCurrent",
        "SystemD.kubelet.service.MainPID",
        "SystemD.kubelet.service.IPIngressBytes",
        "SystemD.kubelet.service.IOReadOperations",
        "SystemD.kubelet.service.ExecMainStatus",
    ],
)
def test_what_changes_by_itself_is_volatile(path: str) -> None:
    assert is_volatile(path)


@pytest.mark.parametrize(
    "path",
    [
        "GPU.gpu-1.ecc.current",
        "OS.sysctl./proc/sys/kernel/pid_max",
        "OS.sysctl./proc/sys/kernel/tainted",
        "SystemD.kubelet.service.NRestarts",
        "SystemD.kubelet.service.GuessMainPID",
        "SystemD.kubelet.service.IPAddressDeny",
        "SystemD.kubelet.service.ExecStart",
        "SystemD.kubelet.service.ActiveState",
        "K8s.helm.a.values.MainPID",
    ],
)
def test_what_somebody_changed_is_not(path: str) -> None:
    assert not is_volatile(path)


def test_identity_is_what_no_two_nodes_share() -> None:
    assert is_identity("GPU.gpu-3.uuid")
    assert is_identity("GPU.gpu-3.mig.0.uuid")
    assert not is_identity("GPU.gpu-3.vbios-version")


def test_a_run_of_a_command_is_not_part_of_it() -> None:
    path = "SystemD.a.service.ExecStart"
    again = RUN.replace("1795430148344405 12569522771 0 0 129", "1 2 3 4 5")
    assert normalize(path, RUN) == normalize(path, again) == "[[/bin/a [/bin/a -v] false]]"
    extended = "[[/bin/a [/bin/a] [ignore-failure] 1 2 3 4 5 1 0] [/b [/b] [] 1 2 3 4 5 0 0]]"
    reported = "[[/bin/a [/bin/a] [ignore-failure]] [/b [/b] []]]"
    assert normalize("SystemD.a.service.ExecStartEx", extended) == reported


@pytest.mark.parametrize(
    "changed",
    [
        RUN.replace("-v", "-q"),
        RUN.replace("false", "true"),
        RUN.replace("/bin/a -v", "/bin/a -v 1 2 3 4 5 6 7"),
    ],
)
def test_arguments_and_flags_of_a_command_are(changed: str) -> None:
    path = "SystemD.a.service.ExecStart"
    assert normalize(path, changed) != normalize(path, RUN)


def test_numbers_among_a_commands_arguments_stay() -> None:
    one = "[[/bin/a [/bin/a true 1 2 3 4 5 6 7] false 1 2 3 4 5 0 0]]"
    other = one.replace("true 1 2 3", "true 9 9 9")
    path = "SystemD.a.service.ExecStart"
    assert normalize(path, one) != normalize(path, other)


def test_sets_of_units_have_no_order() -> None:
    path = "SystemD.a.service.After"
    assert normalize(path, "[b.target a.target]") == normalize(path, "[a.target b.target]")
    ordered = "SystemD.a.service.EnvironmentFiles"
    assert normalize(ordered, "[b a]") != normalize(ordered, "[a b]")


def test_units_that_come_and_go_are_no_members() -> None:
    path = "SystemD.system.slice.Before"
    passing = r"session-3.scope run-netns-a.mount run-containerd-io\x2drootfs.mount"
    passing += r" var-lib-kubelet-pods-1-volumes.mount run-credentials-systemd\x2da.service.mount"
    assert normalize(path, f"[a.mount {passing} b.service]") == "[a.mount b.service]"
    kept = "[var-lib-mysql.mount run.mount scope.service]"
    assert len(normalize(path, kept)) == len(kept)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kubelet --node-ip 10.0.0.1 --v=2", "kubelet --node-ip <its own> --v=2"),
        ("kubelet --node-ip=10.0.0.1,fd00::1 -x", "kubelet --node-ip=<its own>,<its own> IPv6 -x"),
        ("[kubelet --hostname-override=gpu-1]", "[kubelet --hostname-override=<its own>]"),
        ("NAME=gpu-1.example.com", "NAME=<its own>.example.com"),
        ("a gpu-11 my-gpu-1", "a gpu-11 my-gpu-1"),
    ],
)
def test_a_nodes_name_and_address_are_taken_out_of_settings(text: str, expected: str) -> None:
    assert IGNORE.remove_node_name("SystemD.kubelet.service.ExecStart", text, "gpu-1") == expected
    assert IGNORE.remove_node_name("OS.release.NAME", text, "gpu-1") == text


@pytest.mark.parametrize("ignored", [*list_volatile(REGISTRY), *list_identity(REGISTRY)])
def test_each_ignored_path_has_a_reason(ignored: IgnoredPath) -> None:
    assert ignored.path
    assert ignored.reason
