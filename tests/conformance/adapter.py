"""Which function of the project answers for which rule. Only names and types are mapped here.

Every entry of FUNCTIONS takes a case's `input` and returns what is compared with its `expected`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors import flat_text, node_topology
from kubectl_snapshot.collectors.gpu.smi import report as smi_report
from kubectl_snapshot.collectors.kubernetes import image, node, pods
from kubectl_snapshot.collectors.operating_system import grub, kmod, release, sysctl, textfile
from kubectl_snapshot.collectors.run.context import detect_node_name
from kubectl_snapshot.collectors.systemd import collector as systemd
from kubectl_snapshot.document import paths, patterns, scalars, snapshot, versions
from kubectl_snapshot.document.codec import json_codec, tree
from kubectl_snapshot.document.codec.yaml import scalars as yaml_scalars
from kubectl_snapshot.document.codec.yaml.codec import load_yaml
from kubectl_snapshot.document.rules import constraints
from kubectl_snapshot.errors import SnapshotError, exit_code
from kubectl_snapshot.job import selectors
from kubectl_snapshot.render.all_renderers import format_from_path
from kubectl_snapshot.storage.configmap import parse_configmap_uri

Input = Mapping[str, Any]

# A case gives a text as it is, as bytes, as a text and how often it is repeated, or as a path.
CONTENT_FORMS: Mapping[str, Callable[[Any], textfile.Text]] = {
    "content": str,
    "content_bytes": bytes,
    "content_repeat": lambda pair: pair[0] * pair[1],
    "path": lambda path: textfile.read_content(HostPath(), path),
}
RULE_FIELDS = {
    "delimiter": "delimiter",
    "kv_delimiter": "kv_delimiter",
    "max_size": "max_bytes",
    "skip_comments": "skip_comments",
    "default_value": "default_value",
    "trim_chars": "trim_chars",
    "skip_empty_values": "skip_empty_values",
}
# Integers of more than 53 bits stand in the cases as text.
NUMBERS: Mapping[str, Callable[[Any], object]] = {
    **dict.fromkeys(("int", "int64", "uint", "uint64"), int),
    "float64": float,
}
LOADERS = {"json": json_codec.load_json, "yaml": load_yaml}
PATTERN_SETS = {"systemd": systemd.EXCLUDED}


def parse_tolerations(given: Input) -> object:
    return [asdict(toleration) for toleration in selectors.parse_tolerations(given["tolerations"])]


def collect_release(given: Input) -> object:
    files = {"etc/os-release": given["content"]} if "content" in given else {}
    return on_host(files, lambda host: release.read(host).data)


def collect_sysctls(given: Input) -> object:
    files = {f"proc/sys/{path}": content for path, content in given["files"].items()}
    data = on_host(files, lambda host: sysctl.read(host).data)
    return {key[len("/proc/sys/") :]: value for key, value in data.items()}


def on_host(files: Mapping[str, str], read: Callable[[HostPath], Any]) -> Any:
    with tempfile.TemporaryDirectory() as root:
        for path, content in files.items():
            (Path(root) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(root) / path).write_bytes(content.encode())
        return read(HostPath(root))


def content_of(given: Input) -> textfile.Text:
    return next(form(given[name]) for name, form in CONTENT_FORMS.items() if name in given)


def rules_of(given: Input) -> textfile.TextRules:
    return textfile.TextRules(**{RULE_FIELDS[k]: v for k, v in given.items() if k in RULE_FIELDS})


def to_reading(given: Input) -> object:
    to_value = NUMBERS.get(given["type"], lambda value: value)
    kind, value = scalars.to_reading(given["type"], to_value(given["value"]))
    as_json, as_yaml = json_codec.render_scalar(value), yaml_scalars.render_scalar(value)
    return {"kind": kind, "string": scalars.text_of(value), "json": as_json, "yaml": as_yaml}


def decode_subtype(given: Input) -> object:
    [(syntax, text)] = given.items()
    subtype = tree.parse_subtype(LOADERS[syntax](text))
    return {"subtype": subtype.name, "data": {k: reading(v) for k, v in subtype.data.items()}}


def reading(value: snapshot.Scalar) -> object:
    return {"kind": scalars.kind_of(value), "string": scalars.text_of(value)}


def parse_type(given: Input) -> object:
    found = snapshot.parse_type(given["type"])
    return {"ok": found is not None, "type": found or ""}


def validate_measurement(given: Input) -> object:
    snapshot.validate_measurement(tree.parse_measurement(load_yaml(given["yaml"])))
    return "ok"


def kept_keys(given: Input, filter_: Callable[..., Mapping[str, None]]) -> object:
    wanted = given["patterns"]
    patterns_ = wanted if isinstance(wanted, list) else PATTERN_SETS[wanted]
    return list(filter_(dict.fromkeys(given["keys"]), patterns_))


def chain_exit_code(given: Input) -> object:
    error: BaseException | None = None
    for code in reversed(given["chain"]):
        cause, error = error, new_error(code)
        error.__cause__ = cause
    return exit_code(error)


def new_error(code: str) -> BaseException:
    bases = {"plain": (Exception,)}.get(code, (SnapshotError,))
    return type(code, bases, {"code": code})("an error")


def split_image(given: Input) -> object:
    name, tag = image.split_image(given["image"])
    return {"name": name, "tag": tag}


def collect_images(given: Input) -> object:
    found = [{"spec": {f: [{"image": i} for i in p[f]] for f in p}} for p in given["pods"]]
    return image.parse_images(pods.summarize(found).references)[0]


def flatten_spec(given: Input) -> object:
    spec: Any = tree.resolve(load_yaml(given["spec_yaml"]))
    return flat_text.flatten(spec, given.get("prefix", ""))


def build_topology(given: Input) -> object:
    fields = ({"name": n["name"], "labels": n.get("labels")} for n in given["nodes"])
    specs = ({"taints": n.get("taints")} for n in given["nodes"])
    nodes = [{"metadata": m, "spec": s} for m, s in zip(fields, specs)]
    found = node_topology.build_topology(nodes, given.get("max_nodes_per_entry", 0))
    return {subtype.name: subtype.data for subtype in found}


def parse_expression(given: Input) -> object:
    expression = constraints.parse_expression(given["expression"])
    parsed = {"operator": expression.operator, "value": expression.value}
    return {**parsed, "version_comparison": expression.is_version, "string": expression.text}


def evaluate(given: Input) -> object:
    version = given["version_comparison"]
    expression = constraints.Expression(given["operator"], given["value"], version)
    return constraints.evaluate(expression, given["actual"])


def parse_path(given: Input) -> object:
    path = paths.parse_path(given["path"])
    return {**path._asdict(), "string": path.text}


def compare_versions(given: Input) -> object:
    a, b = versions.parse_version(given["a"]), versions.parse_version(given["b"])
    return versions.compare_versions(a, b)


def extract_value(given: Input) -> object:
    path = paths.parse_path(given["path"])
    document = tree.parse_tree(load_yaml(given.get("snapshot_yaml") or ""))
    return scalars.text_of(paths.find_value(document, path))


FUNCTIONS: Mapping[str, Callable[[Input], object]] = {
    "ParseNodeSelectors": lambda given: selectors.parse_node_selectors(given["selectors"]),
    "ParseTolerations": parse_tolerations,
    "ParseTaint": lambda given: asdict(selectors.parse_taint(given["taint"])),
    "ParseConfigMapURI": lambda given: parse_configmap_uri(given["uri"])._asdict(),
    "FormatFromPath": lambda given: format_from_path(given["path"]),
    "file.GetLines": lambda given: textfile.parse_lines(content_of(given), rules_of(given)),
    "file.GetMap": lambda given: textfile.parse_map(content_of(given), rules_of(given)),
    "grub": lambda given: grub.parse_command_line(given["content"]),
    "kmod": lambda given: kmod.parse_modules(given["content"]),
    "release": collect_release,
    "sysctl": collect_sysctls,
    "smi": lambda given: smi_report.parse_smi(given["xml"]),
    "GetNodeName": lambda given: detect_node_name(given["env"]),
    "parseProvider": lambda given: node.parse_provider(given["provider_id"]),
    "collectNode": lambda given: node.parse_node(given["node"], given["node_name"]),
    "splitImage": split_image,
    "collectContainerImages": collect_images,
    "flattenSpec": flatten_spec,
    "topology": build_topology,
    "ToReading": to_reading,
    "decodeSubtype": decode_subtype,
    "ExitCode": chain_exit_code,
    "ParseType": parse_type,
    "Measurement.Validate": validate_measurement,
    "ParseConstraintPath": parse_path,
    "ParseConstraintExpression": parse_expression,
    "EvaluateConstraint": evaluate,
    "looksLikeVersion": lambda given: versions.looks_like_version(given["input"]),
    "ParseVersion": lambda given: versions.parse_version(given["input"])._asdict(),
    "CompareVersion": compare_versions,
    "ExtractValue": extract_value,
    "matchesPattern": lambda given: patterns.matches_pattern(given["key"], given["pattern"]),
    "FilterOut": lambda given: kept_keys(given, patterns.filter_out),
    "FilterIn": lambda given: kept_keys(given, patterns.filter_in),
}
