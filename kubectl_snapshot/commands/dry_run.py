"""--dry-run of a capture: print the objects, or let the API server validate them first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.agent.capture import Capture, run_preflight
from kubectl_snapshot.agent.plan import plan_capture
from kubectl_snapshot.clients.kube.client import Call
from kubectl_snapshot.commands.output import Output, write_stdout
from kubectl_snapshot.document.codec.yaml.codec import render_manifests
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest, SnapshotError
from kubectl_snapshot.job.deploy import build_all_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_snapshot.agent.config import AgentConfig
    from kubectl_snapshot.job.manifest import Manifest

CLIENT, SERVER = "client", "server"


def run_dry(config: AgentConfig, mode: str, outputs: Sequence[Output], out: TextIO) -> int:
    """Print the objects as sent, or for `server` as the API server would store them."""
    if len(outputs) != 1 or outputs[0].place or outputs[0].format not in RENDERERS:
        raise InvalidRequest(
            "a dry run prints yaml, json or name to stdout",
            hint="use -o yaml, -o json or -o name",
        )
    capture = plan_capture(config)
    if mode == CLIENT:
        objects = [body for _, body in _planned(capture)]
    else:
        objects = _checked(run_preflight(capture))
    write_stdout(RENDERERS[outputs[0].format]([_shortened(body) for body in objects]), out)
    return EXIT_OK


def _planned(capture: Capture) -> list[tuple[str, Manifest]]:
    return build_all_objects(capture.options, capture.expires)


def _checked(capture: Capture) -> list[Manifest]:
    calls = [
        Call(
            "POST",
            path,
            doing=f"create {body['kind']} {body['metadata']['name']}",
            query={"dryRun": "All"},
            body=body,
            deadline=capture.deadline,
        )
        for path, body in _planned(capture)
    ]
    objects = []
    for answer in capture.kube.request_all(calls):
        if isinstance(answer, SnapshotError):
            raise answer
        objects.append(answer.body)
    return objects


def _shortened(body: Manifest) -> Manifest:
    """Return the object with the zipapp's bytes, or a key, replaced by their size."""
    bytes_fields = {"ConfigMap": "binaryData", "Secret": "data"}
    field = bytes_fields.get(body["kind"], "")
    if field not in body:
        return body
    sizes = {name: f"<{len(text)} characters of base64>" for name, text in body[field].items()}
    return {**body, field: sizes}


def _render_yaml(objects: Sequence[Manifest]) -> str:
    return render_manifests(objects)


def _render_json(objects: Sequence[Manifest]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2) + "\n"


def _render_names(objects: Sequence[Manifest]) -> str:
    return "".join(f"{o['kind'].lower()}/{o['metadata']['name']}\n" for o in objects)


RENDERERS: dict[str, Callable[[Sequence[Manifest]], str]] = {
    "yaml": _render_yaml,
    "json": _render_json,
    "name": _render_names,
}
