"""Measure redaction against `json.dumps` of what it searches, in CPU time. `make bench-redaction`.

Each figure is the least of several runs, interleaved, with what the process remembers forgotten in
between: wall time says nothing on a busy machine.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

import kubectl_snapshot.document.redaction as package
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.redaction.measurements import redact_subtype
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.document.snapshot import Scalar, Subtype

REDACTION = Redaction(b"0123456789abcdef")
RUNS = 7
SETTINGS = (
    "replicas image repository tag pullPolicy resources limits memory cpu requests service port"
    " type annotations nodeSelector affinity tolerations ingress hosts paths enabled serviceAccount"
    " create name metrics interval config logLevel retention storageClass accessMode size"
).split()
VALUES = (
    "true false 3 IfNotPresent nvcr.io/nvidia/gpu-operator v25.3.1 512Mi 100m ClusterIP 9400 30s"
    " gpu prometheus-operator info /var/lib/data https://charts.example.com/stable"
    " kubernetes.io/hostname"
).split()
NAMES = (
    "password adminPassword apiKey token clientSecret auth existingSecret secretName tokenFile"
    " passwordKey accessKey cookie"
).split()


def main() -> int:
    """Print a table of the ratios."""
    pick = random.Random(7)
    print("| what is searched | KB | json.dumps, ms | redaction, ms | ratio |")
    print("|---|---|---|---|---|")
    for name, data in build_cases(pick).items():
        subtype = Subtype("helm", data, {})
        dumps, redaction = measure(
            partial(json.dumps, data),
            partial(redact_subtype, "K8s", subtype, REDACTION, REGISTRY),
        )
        size = sum(len(key) + len(str(value)) for key, value in data.items()) // 1024
        figures = f"{size} | {dumps * 1e3:.1f} | {redaction * 1e3:.1f} | {redaction / dumps:.1f}"
        print(f"| {name} | {figures} |")
    return 0


def measure(*functions: Callable[[], object]) -> list[float]:
    """Return the least CPU seconds of each function."""
    least = [float("inf")] * len(functions)
    for _ in range(RUNS):
        for index, function in enumerate(functions):
            forget()
            before = time.process_time()
            function()
            least[index] = min(least[index], time.process_time() - before)
    return least


def forget() -> None:
    """Clear what redaction remembers of texts and names; compiled patterns stay."""
    for name, module in list(sys.modules.items()):
        if name.startswith(package.__name__):
            for key, value in vars(module).items():
                if hasattr(value, "cache_clear") and "compile" not in key:
                    value.cache_clear()


def build_cases(pick: random.Random) -> dict[str, Mapping[str, Scalar]]:
    """Return readings by what they are; a share is that of lines or keys with a telling name."""
    cases: dict[str, Mapping[str, Scalar]] = {}
    for share in (0, 0.03, 0.2):
        cases[f"45,000 short readings, {share:.0%} names"] = {
            f"rel-{i // 150}.values.{i % 150}.{pick.choice(SETTINGS)}.{name}": value
            for i in range(45_000)
            for name, value in [make_entry(pick, share)]
        }
    for share in (0, 0.03, 0.2):
        cases[f"10 texts of 3,000 lines, {share:.0%} names"] = {
            f"a{i}.values.config": make_text(pick, share, 3_000) for i in range(10)
        }
    cases["500 texts of 60 lines, 3% names"] = {
        f"a{i}.values.config": make_text(pick, 0.03, 60) for i in range(500)
    }
    cases["one text of 300 lines 300 times, 5% names"] = dict.fromkeys(
        [f"a{i}.values.config" for i in range(300)], make_text(pick, 0.05, 300)
    )
    return cases


def make_entry(pick: random.Random, share: float) -> tuple[str, str]:
    """Return a name and a value, which is a secret for most of the telling names."""
    if pick.random() >= share:
        return pick.choice(SETTINGS), pick.choice(VALUES)
    if pick.random() < 0.4:
        return pick.choice(NAMES), pick.choice(VALUES)
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGH23456789"
    return pick.choice(NAMES), "".join(pick.choices(letters, k=pick.randint(8, 20)))


def make_text(pick: random.Random, share: float, count: int) -> str:
    """Return so many lines of YAML."""
    lines = []
    depth = 0
    for _ in range(count):
        if pick.random() < 0.15 and depth < 5:
            lines.append(f"{'  ' * depth}{pick.choice(SETTINGS)}:")
            depth += 1
            continue
        name, value = make_entry(pick, share)
        lines.append(f"{'  ' * depth}{name}: {value}")
        if pick.random() < 0.25:
            depth = max(0, depth - pick.randint(1, 2))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
