"""CollectSettings: the options of the collectors, one record from the flags to the pod. Pure.

A new option needs a field, a flag in commands/flags/collect, and its use in a collector.
"""

from __future__ import annotations

from typing import Any

from kubectl_snapshot.constants import PROFILES, REFERENCE, STANDARD
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.records import dataclass, field, fields

FLAG = "flag"


def _option(flag: str, default: Any = ()) -> Any:
    """Return a field that `build_arguments` passes as this flag."""
    return field(default=default, metadata={FLAG: flag})


@dataclass(frozen=True)
class CollectSettings:
    """Which measurements are collected, how they are read and redacted.

    `collectors`: measurement types to collect, empty for all; `skipped`: those to leave out.
    `helm_namespaces`: read Helm's releases there; ALL_NAMESPACES alone means everywhere.
    `max_nodes_per_entry`: nodes named for a taint or label; 0 is no limit.
    `systemd_services`: units or patterns of units to read with the default units;
    `default_units`, on this machine only, replace the default ones.
    `profile`: one of PROFILES, how much is collected.
    `skips_kernel_log`: the node's kernel log is not read.
    """

    redaction: Redaction = field(default_factory=Redaction)
    collectors: tuple[str, ...] = _option("--collect")
    skipped: tuple[str, ...] = _option("--skip")
    helm_namespaces: tuple[str, ...] = _option("--helm-namespace")
    max_nodes_per_entry: int = _option("--max-nodes-per-entry", 0)
    systemd_services: tuple[str, ...] = _option("--systemd-service")
    default_units: tuple[str, ...] = ()
    profile: str = _option("--profile", STANDARD)
    skips_kernel_log: bool = _option("--no-kernel-log", False)

    def collects(self, name: str, profile: str = REFERENCE) -> bool:
        """Return whether a measurement type, with the first profile that has it, is collected."""
        is_chosen = name not in self.skipped and name in (self.collectors or (name,))
        return is_chosen and self.includes(profile)

    def includes(self, profile: str) -> bool:
        """Return whether what is collected from this profile on is collected."""
        return PROFILES.index(profile) <= PROFILES.index(self.profile)


def build_arguments(settings: CollectSettings, key_file: str = "") -> list[str]:
    """Return the settings as flags of `collect`; commands/flags/collect decodes them.

    The redaction key is never among them: the pod reads it from `key_file`.
    """
    arguments = _build_redaction_arguments(settings.redaction, key_file)
    for option in fields(settings):
        value = getattr(settings, option.name)
        if FLAG in option.metadata and value and value != option.default:
            values = value if isinstance(value, tuple) else (text_of(value),)
            arguments += [f"{option.metadata[FLAG]}={item}" for item in values]
    return arguments


def _build_redaction_arguments(redaction: Redaction, key_file: str) -> list[str]:
    if not redaction.is_on:
        return ["--no-redact"]
    key = [f"--redact-key-file={key_file}"] if key_file else []
    return key + [f"--redact={pattern}" for pattern in redaction.patterns]
