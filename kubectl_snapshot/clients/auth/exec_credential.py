"""Credential (exec) plugins of a kubeconfig (KEP-541): start, output, errors.

The API is client.authentication.k8s.io v1 and v1beta1. A plugin gets our environment plus its own;
its stderr is copied to ours at once, because it may ask the user for something.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.auth.conflicts import API_GROUP
from kubectl_snapshot.clients.auth.kubeconfig import read_secret
from kubectl_snapshot.clients.files.localfile import parse_yaml
from kubectl_snapshot.errors import NotFound, SnapshotError, Timeout, Unauthorized
from kubectl_snapshot.records import dataclass, field
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from kubectl_snapshot.clients.auth.access import Access

# A login in a browser takes minutes.
INTERACTIVE_TIMEOUT_S = 300.0
TIMEOUT_S = 60.0
STDERR_TAIL_BYTES = 2000
STDERR_TAIL_S = 0.5


@dataclass(frozen=True)
class ExecAnswer:
    """The `status` of a plugin's ExecCredential; the certificate and the key are PEM."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires_at: float = float("inf")


def run_exec_plugin(
    spec: Mapping[str, Any], access: Access, env: Mapping[str, str], timeout_s: float | None = None
) -> ExecAnswer:
    """Run the user's exec plugin and return its credential.

    `spec` has passed refuse_conflicts. Raises NotFound (no such program), Timeout, Unauthorized
    (all others). Blocks until the plugin ends, at most `timeout_s` and a minute, or five with
    a terminal.
    """
    interactive = is_interactive(spec, access.user_name)
    info = build_exec_info(spec, access.cluster, interactive)
    limit_s = INTERACTIVE_TIMEOUT_S if interactive else TIMEOUT_S
    if timeout_s is not None:
        limit_s = min(limit_s, timeout_s)
    env = {**env, **_extra_env(spec), "KUBERNETES_EXEC_INFO": info}
    command = spec["command"]
    output = _read_output(_start(spec, env, interactive), command, limit_s, interactive)
    return parse_exec_answer(output, spec["apiVersion"], command)


def is_interactive(spec: Mapping[str, Any], user_name: str) -> bool:
    """Return whether the plugin may use the terminal (`interactiveMode`)."""
    mode = spec.get("interactiveMode") or "IfAvailable"
    has_terminal = sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
    if mode == "Always" and not has_terminal:
        raise Unauthorized(
            f"the exec plugin of user {user_name} needs a terminal",
            why="its interactiveMode is Always, and standard input is not a terminal",
            hint="run the command in a terminal, or use another user",
        )
    return has_terminal and mode != "Never"


def build_exec_info(spec: Mapping[str, Any], cluster: Mapping[str, Any], interactive: bool) -> str:
    """Return the ExecCredential for the plugin's KUBERNETES_EXEC_INFO variable."""
    request: dict[str, Any] = {"interactive": interactive}
    if spec.get("provideClusterInfo") is True:
        names = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
        info = {name: cluster[name] for name in names if cluster.get(name)}
        info["config"] = None
        authority = _certificate_authority(cluster)
        if authority:
            info["certificate-authority-data"] = authority
        for extension in cluster.get("extensions") or ():
            if isinstance(extension, dict) and extension.get("name") == f"{API_GROUP}/exec":
                info["config"] = extension.get("extension")
        request["cluster"] = info
    return json.dumps(
        {"apiVersion": spec["apiVersion"], "kind": "ExecCredential", "spec": request}, default=str
    )


def parse_exec_answer(output: bytes, api_version: str, command: str) -> ExecAnswer:
    """Return the credential in a plugin's output; no error quotes the output."""

    def refuse(why: str) -> Unauthorized:
        return Unauthorized(f"invalid output of the exec plugin {command}", why=why)

    try:
        text = output.decode().strip()
        document = json.loads(text) if text.startswith("{") else parse_yaml(text, "the output")
    except (SnapshotError, ValueError, RecursionError):
        raise refuse("it is neither JSON nor YAML") from None
    status = document.get("status") if isinstance(document, dict) else None
    if not isinstance(status, dict) or document.get("kind", "ExecCredential") != "ExecCredential":
        raise refuse("it is not an ExecCredential with a status")
    if document.get("apiVersion") != api_version:
        raise refuse(f"its apiVersion is not {api_version}")
    names = ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
    texts = [status.get(name) or "" for name in names]
    if not all(isinstance(text, str) for text in texts):
        raise refuse("a field of its status is not a string")
    token, certificate, key, expiry = texts
    if not token and not certificate:
        raise refuse("its status has neither a token nor a certificate")
    if bool(certificate) != bool(key):
        raise refuse("its status has a certificate without a key, or a key without a certificate")
    if certificate and not all("-----BEGIN " in text for text in (certificate, key)):
        raise refuse("its certificate or key is not PEM")
    expires_at = parse_timestamp(expiry) if expiry else float("inf")
    if expires_at is None:
        raise refuse("its expirationTimestamp is not an RFC 3339 time")
    return ExecAnswer(token, certificate, key, expires_at)


def parse_timestamp(text: str) -> float | None:
    """Return an RFC 3339 time as seconds since the epoch, None if it is invalid."""
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.\d+)?(?:[Zz]|([+-]\d\d:\d\d))", text
    )
    if match is None:
        return None
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or '+00:00'}").timestamp()
    except ValueError:
        return None


def _start(
    spec: Mapping[str, Any], env: Mapping[str, str], interactive: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [spec["command"], *map(str, spec.get("args") or ())],
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
    except OSError as error:
        hint = spec.get("installHint")
        if not isinstance(hint, str):
            hint = "install it, or add its directory to PATH"
        raise NotFound(
            f"cannot run the exec plugin {spec['command']}",
            why=error.strerror or "",
            hint=" ".join(hint.split()),
        ) from error


def _read_output(
    process: subprocess.Popen[bytes], command: str, timeout_s: float, interactive: bool
) -> bytes:
    """Return a plugin's stdout; Unauthorized with its last stderr line if it fails."""
    kept = {"stdout": b"", "stderr": b""}
    pipes = {"stdout": process.stdout, "stderr": process.stderr}
    readers = [
        threading.Thread(target=_drain, args=(pipe, kept, name), daemon=True)
        for name, pipe in pipes.items()
    ]
    for reader in readers:
        reader.start()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        raise _build_timeout(command, timeout_s, interactive, kept["stderr"]) from None
    finally:
        process.kill()
        process.wait()
        # A child of the plugin may keep a pipe open; the plugin's own output has arrived by then.
        for reader in readers:
            reader.join(STDERR_TAIL_S)
    if process.returncode != 0:
        raise Unauthorized(
            f"the exec plugin {command} exited with code {process.returncode}",
            why=_last_line(kept["stderr"]),
            hint="log in with it first, or run it by hand to see its output",
        )
    return kept["stdout"]


def _build_timeout(command: str, timeout_s: float, interactive: bool, stderr: bytes) -> Timeout:
    """Return the error of a plugin that does not end: which limit passed, and what it said last.

    Its arguments are not quoted: a client secret may be among them.
    """
    fixed_s = INTERACTIVE_TIMEOUT_S if interactive else TIMEOUT_S
    limit = "limit for a plugin" if timeout_s >= fixed_s else "rest of --timeout"
    last = _last_line(stderr)
    terminal = "" if interactive else "; it had no terminal to ask on"
    return Timeout(
        f"the exec plugin {command} timed out",
        why=f"it did not end within {timeout_s:.3g} s, the {limit}{terminal}"
        + (f"; its last words: {last}" if last else ""),
        hint="run it by hand with the arguments that `kubectl config view --minify` shows",
    )


def _last_line(output: bytes) -> str:
    return single_line(output.decode(errors="replace").strip().split("\n")[-1])


def _drain(pipe: IO[bytes], kept: dict[str, bytes], name: str) -> None:
    """Keep a pipe's output; copy stderr to ours at once, as the plugin may be asking the user."""
    with pipe:
        while True:
            piece = pipe.read1(65536)  # type: ignore[attr-defined]
            if not piece:
                return
            if name == "stdout":
                kept[name] += piece
                continue
            kept[name] = (kept[name] + piece)[-STDERR_TAIL_BYTES:]
            if sys.stderr is not None:
                sys.stderr.write(piece.decode(errors="replace"))
                sys.stderr.flush()


def _extra_env(spec: Mapping[str, Any]) -> dict[str, str]:
    return {str(item["name"]): str(item["value"]) for item in spec.get("env") or ()}


def _certificate_authority(cluster: Mapping[str, Any]) -> str:
    """Return the cluster's CA in base64, also where the kubeconfig has a file name."""
    return base64.b64encode(read_secret(cluster, "certificate-authority", "the cluster")).decode()
