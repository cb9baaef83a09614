"""Values of flags from a file of AICR (--config): the section `spec.snapshot` of an AICRConfig.

Fields and their strictness are those of AICR's pkg/config. A flag wins, then its environment
variable; AICR's other sections are not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.constants import API_VERSIONS, CONFIGMAP_SCHEME
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kubectl_snapshot.clients.files.localfile import Located

KIND = "AICRConfig"
MAX_CONFIG_BYTES = 1024 * 1024
DOCUMENT = ("kind", "apiVersion", "metadata", "spec")
COMMANDS = ("snapshot", "recipe", "bundle", "validate")
# The fields of each section with the flags that they set; "" has none here.
SECTIONS: Mapping[str, Mapping[str, str]] = {
    "output": {"path": "output", "format": "format", "template": "template"},
    "agent": {
        "namespace": "namespace",
        "image": "image",
        "imagePullSecrets": "image_pull_secret",
        "jobName": "job_name",
        "serviceAccountName": "service_account_name",
        "nodeSelector": "node_selector",
        "tolerations": "toleration",
        "requireGpu": "require_gpu",
        "runtimeClassName": "runtime_class",
        "os": "",  # the node says what it is
        "requests": "requests",
        "limits": "limits",
    },
    "execution": {
        "timeout": "timeout",
        "noCleanup": "no_cleanup",
        "privileged": "privileged",
        "maxNodesPerEntry": "max_nodes_per_entry",
    },
}
MAPS, LISTS = ("nodeSelector",), ("imagePullSecrets", "tolerations")
UNSET = ("", "~", "null")


def read_config(source: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the place of each field that is set, its flag, and its texts.

    Raises NotFound for a missing file, InvalidRequest if it is not an AICRConfig.
    """
    name, content = _read(source)
    from kubectl_snapshot.clients.files.localfile import locate_yaml

    document = _map(locate_yaml(content, name), name, "the document", DOCUMENT)
    for field, known in (("kind", (KIND,)), ("apiVersion", API_VERSIONS)):
        text = _text(document.get(field, (1, "")), name, field)
        if text not in known:
            raise InvalidRequest(f"{name}: {field} is {text!r}, not {' or '.join(known)}")
    spec = _map(document.get("spec", (1, {})), name, "spec", COMMANDS)
    path = "spec.snapshot"
    sections = _map(spec.get("snapshot", (1, {})), name, path, SECTIONS)
    for section, found in sections.items():
        fields = SECTIONS[section]
        for field, value in _map(found, name, f"{path}.{section}", fields).items():
            texts = _texts(value, name, field, f"{path}.{section}.{field}")
            if texts:
                yield f"{name} line {value[0]}: {path}.{section}.{field}", fields[field], texts


def _read(source: str) -> tuple[str, bytes]:
    from kubectl_snapshot.storage.source import read_file_or_url

    if source.startswith(CONFIGMAP_SCHEME):
        raise InvalidRequest(
            "--config cannot be a ConfigMap",
            hint="write it to a file: kubectl get configmap NAME -o yaml",
        )
    name = "stdin" if source == "-" else source
    content = read_file_or_url(source, MAX_CONFIG_BYTES)
    if len(content) > MAX_CONFIG_BYTES:
        raise InvalidRequest(f"{name} exceeds {MAX_CONFIG_BYTES} bytes")
    return name, content


def _map(value: Located, name: str, path: str, known: Iterable[str]) -> dict[str, Located]:
    line, found = value
    if found is None or found in UNSET:
        return {}
    if not isinstance(found, dict):
        raise InvalidRequest(f"{name} line {line}: {path} is not a map")
    for field, (place, _) in found.items():
        if field not in known:
            raise InvalidRequest(
                f"{name} line {place}: unknown field {field} of {path}",
                hint=suggest(field, known, f"known: {', '.join(known)}"),
            )
    return found


def _texts(value: Located, name: str, field: str, path: str) -> list[str]:
    line, found = value
    if found in UNSET:
        return []
    where = f"{name} line {line}: {path}"
    if field in LISTS and isinstance(found, list):
        if not found and field == "tolerations":
            why = "an empty list would tolerate nothing, which a capture cannot do"
            raise InvalidRequest(f"{where} is empty", why, "leave it out: all taints are tolerated")
        return [_text(item, name, path) for item in found]
    if field in MAPS and isinstance(found, dict):
        return [f"{key}={_text(item, name, path)}" for key, item in found.items()]
    if field in (*LISTS, *MAPS):
        raise InvalidRequest(f"{where} is not a {'list' if field in LISTS else 'map'}")
    return [_text(value, name, path)]


def _text(value: Located, name: str, path: str) -> str:
    line, found = value
    if not isinstance(found, str):
        raise InvalidRequest(f"{name} line {line}: {path} is not text")
    return found
