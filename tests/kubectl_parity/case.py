"""What a case consists of, and short ways to write kubeconfigs and plugins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

API = "client.authentication.k8s.io"
CA = {"certificate-authority": "@PKI@/ca.crt"}

# Differences on purpose that several cases share.
ANYBODY = "kubectl asks for a user name on the terminal; ours sends the request without a login"
HTTP_2 = "kubectl also speaks HTTP/2; ours speaks HTTP/1.1 only, as every API server does"
SPACES = "kubectl sends white space around a token as it is or fails; ours removes it"


@dataclass(frozen=True)
class Case:
    """One kubeconfig, environment and command line.

    `@NAME@` stands for a server, a proxy or a directory of the World. `difference` is the reason
    why kubectl and ours differ on purpose, "" where they must not; `exit_code` is ours.
    """

    name: str
    kubeconfig: str | None
    flags: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"  # of the kubeconfig
    refused: tuple[str, ...] = ()
    is_namespaced: bool = False
    in_pod: bool = False
    exit_code: int = 0
    difference: str = ""
    since: str = ""  # the first kubectl that does so, where older ones do not


def config(
    user: Mapping[str, Any] | None = None,
    cluster: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    **top: Any,
) -> str:
    """Return a kubeconfig of one cluster, user and context as JSON; None removes a key."""
    keys = {"server": "@TLS@", **CA, **(cluster or {})}
    chosen = {"cluster": "c", "user": "u", **(context or {})}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "c", "cluster": {k: v for k, v in keys.items() if v is not None}}],
        "users": [{"name": "u", "user": {"token": "t"} if user is None else user}],
        "contexts": [{"name": "x", "context": {k: v for k, v in chosen.items() if v is not None}}],
        **top,
    }
    return json.dumps(document, indent=1)


def plugin(command: str = "plugin", **spec: Any) -> dict[str, Any]:
    """Return the `exec` section of a user; None removes a key."""
    keys = {
        "apiVersion": f"{API}/v1",
        "command": command,
        "interactiveMode": "Never",
        **spec,
    }
    return {"exec": {key: value for key, value in keys.items() if value is not None}}


LOG_RUN = """#!/usr/bin/env python3
import json, os, sys
info = os.environ.get("KUBERNETES_EXEC_INFO", "")
seen = {"info": json.loads(info or "null"), "argv": sys.argv[1:], "cwd": os.getcwd()[-4:],
        "program": os.path.basename(sys.argv[0]), "variable": os.environ.get("PLUGIN_VARIABLE")}
with open(os.environ["PLUGIN_LOG"], "a") as file:
    file.write(json.dumps(seen, sort_keys=True) + "\\n")
"""


def answering(output: str, code: int = 0) -> str:
    """Return a plugin program that logs its input and prints this."""
    return f"{LOG_RUN}sys.stdout.write({output!r})\nsys.exit({code})\n"


def credential(version: str = "v1", **status: str) -> str:
    """Return a plugin's answer, by default with the token `p`."""
    return json.dumps(
        {
            "apiVersion": f"{API}/{version}",
            "kind": "ExecCredential",
            "status": status or {"token": "p"},
        }
    )


def plugin_files(
    output: str | None = None, code: int = 0, name: str = "bin/plugin"
) -> dict[str, str]:
    """Return the files of a case with a plugin."""
    return {name: answering(credential() if output is None else output, code)}
