"""Redaction cases, run through the collectors' parsers and the redaction of a capture.

A case has one place: `unit`, `cmdline`, `helm`, `argocd` or `policy`. Its `secrets` may stand
nowhere in the document; without any, nothing of the document may be redacted.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from kubectl_snapshot.clients.host.systemd_dbus import Property
from kubectl_snapshot.collectors.flat_text import merge_entries
from kubectl_snapshot.collectors.kubernetes import argocd, helm, policy
from kubectl_snapshot.collectors.operating_system import grub
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.collectors.systemd import collector as systemd
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.redaction.measurements import redact_measurements
from kubectl_snapshot.document.redaction.values import PREFIX, Redaction
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype

REDACTION = Redaction(b"0123456789abcdef")
UNIT = "app.service"
PLACES = ("unit", "cmdline", "helm", "argocd", "policy")


class Case(NamedTuple):
    """One case; `content` is what its place has."""

    id: str
    secrets: tuple[str, ...]
    place: str
    content: Any


def read_cases(path: str) -> list[Case]:
    """Return the cases of a file."""
    with open(path, encoding="utf-8") as file:
        return [_parse_case(entry) for entry in yaml.safe_load(file)]


def _parse_case(entry: Mapping[str, Any]) -> Case:
    (place,) = (name for name in PLACES if name in entry)
    return Case(entry["id"], tuple(entry["secrets"]), place, entry[place])


def collect_case(case: Case) -> Measurement:
    """Return the measurement that the place's collector builds."""
    type_name, build = BUILDERS[case.place]
    return Measurement(type_name, (build(case.content),))


def find_problem(case: Case) -> str:
    """Return which secrets the document has, or what of a benign one is redacted; or nothing."""
    collected = collect_case(case)
    (redacted,) = redact_measurements([collected], REDACTION, REGISTRY)
    if case.secrets:
        text = show_all(Snapshot({}, (redacted,)))
        leaked = [secret for secret in case.secrets if secret in text]
        return f"leaked: {', '.join(leaked)}" if leaked else ""
    changed = [
        f"{key}: {value}"
        for before, after in zip(collected.subtypes, redacted.subtypes)
        for key, value in [*after.data.items(), *after.context.items()]
        if PREFIX in f"{key} {value}" or value != before.data.get(key, before.context.get(key))
    ]
    return f"redacted: {'; '.join(changed)}" if changed else ""


def show_all(snapshot: Snapshot) -> str:
    """Return all texts of a document: as they are, and as YAML and JSON write them."""
    texts = [
        f"{key}\n{value}\n"
        for measurement in snapshot.measurements
        for subtype in measurement.subtypes
        for key, value in [*subtype.data.items(), *subtype.context.items()]
    ]
    return "".join([*texts, render_yaml(snapshot), render_json(snapshot)])


def build_unit(content: Mapping[str, Any]) -> Subtype:
    commands = [(words[0], words, False, 0, 0, 0, 0, 0, 0, 0) for words in content["exec"]]
    properties = {
        "Environment": Property("as", content["environment"]),
        "ExecStart": Property("a(sasbttttuii)", commands),
    }
    return Subtype(UNIT, systemd.build_readings(properties))


def build_command_line(text: str) -> Subtype:
    return Subtype("grub", grub.parse_command_line(text), grub.parse_lost_parameters(text))


def build_release(values: Mapping[str, Any]) -> Subtype:
    release = {
        "name": "app",
        "version": 1,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "app", "version": "1.0.0"}},
        "config": values,
    }
    payload = b64encode(gzip.compress(json.dumps(release).encode())).decode()
    return Subtype("helm", merge_entries([helm.parse_release(payload, "gpu")]))


def build_application(source: Mapping[str, Any]) -> Subtype:
    application = {
        "metadata": {"name": "app", "namespace": "argocd"},
        "spec": {"source": source, "project": "default"},
    }
    return Subtype("argocd", merge_entries([argocd.parse_application(application)]))


def build_policy(spec: Mapping[str, Any]) -> Subtype:
    return policy.build_policies(
        {policy.KIND: [{"metadata": {"name": "cluster-policy"}, "spec": spec}]}
    )


BUILDERS = {
    "unit": ("SystemD", build_unit),
    "cmdline": ("OS", build_command_line),
    "helm": ("K8s", build_release),
    "argocd": ("K8s", build_application),
    "policy": ("K8s", build_policy),
}
