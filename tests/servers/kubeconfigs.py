"""Write kubeconfigs for tests: one cluster, one user, one context named `test`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_kubeconfig(
    path: Path,
    cluster: Mapping[str, Any],
    user: Mapping[str, Any] | None = None,
    namespace: str = "",
) -> str:
    """Write a kubeconfig as JSON, which is valid YAML, and return its path."""
    context = {
        "cluster": "test",
        "user": "someone",
        **({"namespace": namespace} if namespace else {}),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "someone", "user": user or {}}],
        "contexts": [{"name": "test", "context": context}],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=1))
    return str(path)
