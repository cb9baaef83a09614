"""Run kubectl or the zipapp with a kubeconfig of its own, and collect what could be observed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.kubectl_parity.case import Case
from tests.kubectl_parity.world import Sight, World

ROOT = Path(__file__).resolve().parents[2]
ZIPAPP = ROOT / "dist" / "kubectl-snapshot"
TIMEOUT_S = 60.0
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# A pod's files in a mount namespace of the command; nothing outside it changes.
IN_POD = (
    "mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io && "
    f'cp -r "$POD_FILES" {SERVICE_ACCOUNT} && exec "$@"'
)


@dataclass(frozen=True)
class Program:
    """What is run: for a request without a namespace, and for one with."""

    name: str
    version_command: tuple[str, ...]
    namespaced_command: tuple[str, ...]


def ours() -> Program:
    start = (sys.executable, "-IB", str(ZIPAPP))
    return Program("ours", (*start, "version"), (*start, "cleanup", "--dry-run"))


def kubectl(path: str, version: str) -> Program:
    raw = (path, "get", "--raw", "/version")
    return Program(f"kubectl {version}", raw, (path, "create", "token", "someone"))


@dataclass(frozen=True)
class Observation:
    """What one command did; compared between programs, but for code, seconds and stderr."""

    succeeded: bool
    sights: tuple[Sight, ...]  # distinct, in order of arrival
    plugin_runs: tuple[Mapping[str, object], ...]
    spent_tokens: tuple[str, ...] = ()  # refresh tokens that the OIDC issuer got
    stored_tokens: tuple[str, ...] = ()  # of an OIDC login in the kubeconfig, afterwards
    exit_code: int = field(default=0, compare=False)
    seconds: float = field(default=0.0, compare=False)
    stderr: str = field(default="", compare=False)


def observe(
    program: Program, case: Case, world: World, directory: Path, cache: Path
) -> Observation:
    """Run a case's command in a fresh directory and return what it did."""
    world.clear()
    world.refused.update(case.refused)
    home = directory / "home"
    write_files(case, world, home)
    log = directory / "plugin.log"
    env = {
        "HOME": str(home),
        "PATH": f"{home}/bin:{os.defpath}",
        "PLUGIN_LOG": str(log),
        "XDG_CACHE_HOME": str(cache),
        "KUBECTL_KUBERC": "false",
        "POD_FILES": str(home / "pod"),
        **{name: fill(value, world, home) for name, value in case.env.items()},
    }
    command = program.namespaced_command if case.is_namespaced else program.version_command
    command = (*command, *(fill(flag, world, home) for flag in case.flags))
    started = time.monotonic()
    code, stderr = run(in_pod(command) if case.in_pod else command, env, home)
    seconds = time.monotonic() - started
    runs = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    # Ours also asks for what has no namespace.
    wanted = (sight for sight in world.sights if sight.namespace or not case.is_namespaced)
    sights = tuple(dict.fromkeys(wanted))
    spent, stored = world.spent_tokens(), read_stored_tokens(home / ".kube" / "config")
    return Observation(code == 0, sights, tuple(runs), spent, stored, code, seconds, stderr)


def read_stored_tokens(path: Path) -> tuple[str, ...]:
    """Return the tokens of an OIDC login in a kubeconfig, empty without one."""
    if not path.is_file() or b"refresh-token" not in path.read_bytes():
        return ()
    (user,) = yaml.safe_load(path.read_text())["users"]
    config = user["user"]["auth-provider"]["config"]
    return (config.get("id-token", ""), config["refresh-token"])


def run(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> tuple[int, str]:
    done = subprocess.run(
        command,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stderr.decode(errors="replace")


def in_pod(command: Sequence[str]) -> tuple[str, ...]:
    return ("unshare", "--mount", "sh", "-c", IN_POD, "sh", *command)


def fill(text: str, world: World, home: Path) -> str:
    return world.fill(text).replace("@HOME@", str(home))


def write_files(case: Case, world: World, home: Path) -> None:
    """Write the kubeconfig as ~/.kube/config, the plugin, and the case's other files."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    files = {name: fill(content, world, home).encode() for name, content in case.files.items()}
    if case.kubeconfig is not None:
        text = fill(case.kubeconfig, world, home)
        files[".kube/config"] = text.encode(case.encoding)
    for name, data in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if data.startswith(b"#!") else 0o600)
    if case.in_pod:
        pod = home / "pod"
        pod.mkdir(parents=True)
        shutil.copy(world.pki / "ca.crt", pod / "ca.crt")
        (pod / "token").write_text("pod-token")
        (pod / "namespace").write_text("pod-ns")
