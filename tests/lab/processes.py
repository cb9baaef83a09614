"""Start, find and kill the recorded processes of a cluster; run commands in its nodes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.lab.layout import NETNS, Cluster
from tests.lab.machine import Problem, quiet, read_process_stat, wait_for

# The process records itself before it execs the program, so it never runs unrecorded. Field 22 of
# the stat line, index 21, is its start time.
START = 'read -r -a stat < /proc/$$/stat; echo "$$ ${stat[21]}" > "$0"; exec "$@"'


def spawn(cluster: Cluster, key: str, argv: list[Any]) -> None:
    record = cluster.directory / "pid" / key
    command = ["bash", "-c", START, str(record), *(str(word) for word in argv)]
    with open(cluster.log(key), "ab") as log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def restart(cluster: Cluster, key: str, before: list[str]) -> None:
    """Kill a recorded process and start its command again; `before` is the command prefix."""
    pid = alive(cluster)[key]
    argv = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    os.kill(pid, signal.SIGKILL)

    def has_ended() -> bool:
        return key not in alive(cluster) and count_threads(pid) <= 1

    wait_for(f"{key} to end", has_ended, seconds=20, pause=0.02)
    spawn(cluster, key, [*before, *argv])


def count_threads(pid: int) -> int:
    """Return the number of threads of a process; a zombie has one.

    The main thread of a killed process is a zombie while other threads still hold its sockets. A
    successor started then finds its port in use.
    """
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:
        return 0


def recorded(cluster: Cluster) -> list[str]:
    return sorted(path.name for path in (cluster.directory / "pid").glob("*"))


def alive(cluster: Cluster) -> dict[str, int]:
    """Return {key: PID} of the recorded processes that still run (same PID and start time)."""
    found = {}
    for key in recorded(cluster):
        words = (cluster.directory / "pid" / key).read_text().split()
        stat = read_process_stat(words[0]) if len(words) == 2 else None
        if stat and stat.state != "Z" and stat.start_time == words[1]:
            found[key] = int(words[0])
    return found


def require_all_alive(cluster: Cluster) -> bool:
    dead = sorted(set(recorded(cluster)) - set(alive(cluster)))
    if dead:
        tails = "".join(tail(cluster, key) for key in dead)
        raise Problem(f"{', '.join(dead)} ended:\n{tails}")
    return True


def tail(cluster: Cluster, key: str) -> str:
    lines = cluster.log(key).read_text(errors="replace").splitlines()
    return "".join(f"  {key}: {line}\n" for line in lines[-8:])


def nodes(cluster: Cluster) -> list[str]:
    names = (key for key in recorded(cluster) if key.startswith("node"))
    return sorted(names, key=lambda name: int(name[len("node") :]))


def init_of(cluster: Cluster, node: str) -> int | None:
    """Return the PID on this machine of a node's systemd, the recorded process's only child."""
    pid = alive(cluster).get(node)
    children = Path(f"/proc/{pid}/task/{pid}/children")
    words = children.read_text().split() if pid and children.exists() else []
    return int(words[0]) if words else None


def node_command(cluster: Cluster, node: str, *argv: str) -> list[str]:
    """Return the command that runs `argv` in a node's namespaces."""
    init = init_of(cluster, node)
    if not init:
        raise Problem(f"{node} of {cluster.name} is not running")
    return ["nsenter", "-t", str(init), "-m", "-u", "-i", "-n", "-p", "-C", "--", *argv]


def remove(cluster: Cluster) -> None:
    """Kill the recorded processes and delete all remains; a missing cluster is no error."""
    end_processes(cluster)
    if (cluster.directory / "slot").exists():
        quiet("ip", "link", "del", cluster.veth)
    for path in NETNS.glob(f"kubelab.{cluster.name}.*"):
        if not quiet("ip", "netns", "del", path.name):
            path.unlink()
    wait_for("the control groups to be empty", lambda: remove_cgroups(cluster), seconds=20)
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    if any(target.startswith(f"{cluster.directory}/") for target in mounted):
        raise Problem(f"not deleting {cluster.directory}: it contains a mount")
    if cluster.directory.exists():
        shutil.rmtree(cluster.directory)


def end_processes(cluster: Cluster) -> None:
    doomed = alive(cluster)
    for node in list(doomed):
        # Not the recorded parent: a node's systemd takes its whole PID namespace down, and the
        # parent exits after it.
        init = init_of(cluster, node) if node.startswith("node") else None
        if init:
            doomed[node] = init
    for pid in doomed.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(f"processes {doomed} to end", lambda: not alive(cluster), seconds=20)


def remove_cgroups(cluster: Cluster) -> bool:
    """Remove empty control groups; return False while one still has a process (EBUSY)."""
    for group in cluster.cgroups():
        for path, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)
    return not cluster.cgroups()
