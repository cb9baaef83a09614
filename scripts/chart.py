"""Helm chart of `schedule`: what `kubectl snapshot schedule --print` prints, with values filled in.

The templates are that output, word for word: the program prints its objects for placeholders, and
each placeholder becomes a value of the chart. A Helm release is kept in one Secret of at most
1 MiB, so that the program's ConfigMap is left out (distribution/chart/README.md).
"""

from __future__ import annotations

import os
import re
import string
import subprocess
import sys
from pathlib import Path

import archives
from archives import Member

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "distribution" / "chart"
NAME = "kubectl-snapshot-schedule"
PLACEHOLDER = "chart-placeholder"
FLAGS = {
    "--namespace": f"{PLACEHOLDER}-namespace",
    "--claim": f"{PLACEHOLDER}-claim",
    "--cron": f"{PLACEHOLDER} * * * *",
    "--image": f"{PLACEHOLDER}-image",
    "--image-pull-secret": f"{PLACEHOLDER}-secret",
    "--keep": "987654",
    "--fail-on": "critical",
}
NAMESPACE = "{{ .Release.Namespace }}"
CLAIM = 'required "set claim to a PersistentVolumeClaim for the captures" .Values.claim'
SECRETS = "{{- range .Values.imagePullSecrets }}"


def argument(flag: str, value: str) -> str:
    """Return a list item of YAML: a flag with a value of the chart."""
    return f'- {{{{ printf "{flag}=%s" {value} | quote }}}}'


# (a line as it is printed, the lines of the template), each without its indent.
LINES = (
    (f"namespace: {FLAGS['--namespace']}", "namespace: {{ .Release.Namespace | quote }}"),
    (f"schedule: {FLAGS['--cron']}", "schedule: {{ .Values.cron | quote }}"),
    (f"claimName: {FLAGS['--claim']}", f"claimName: {{{{ {CLAIM} | quote }}}}"),
    (f"image: {FLAGS['--image']}", "image: {{ .Values.image | quote }}"),
    (f"- --image={FLAGS['--image']}", argument("--image", ".Values.image")),
    (f"- --keep={FLAGS['--keep']}", argument("--keep", "(.Values.keep | int | toString)")),
    (f"- --fail-on={FLAGS['--fail-on']}", argument("--fail-on", ".Values.failOn")),
    (
        "- --all-nodes=true",
        "{{- if .Values.selector }}\n"
        + argument("--selector", ".Values.selector")
        + "\n{{- else }}\n- --all-nodes=true\n{{- end }}",
    ),
    (
        f"- --image-pull-secret={FLAGS['--image-pull-secret']}",
        f"{SECRETS}\n{argument('--image-pull-secret', '.')}\n{{{{- end }}}}",
    ),
    ("imagePullSecrets:", "{{- if .Values.imagePullSecrets }}\nimagePullSecrets:"),
    (
        f"- name: {FLAGS['--image-pull-secret']}",
        f"{SECRETS}\n- name: {{{{ . | quote }}}}\n{{{{- end }}}}\n{{{{- end }}}}",
    ),
    (
        f"- --namespace={FLAGS['--namespace']}",
        "{{- range .Values.arguments }}\n- {{ . | quote }}\n{{- end }}\n"
        f"- --namespace={NAMESPACE}",
    ),
)


def build_chart(output: Path, zipapp: Path, version: str) -> None:
    """Write the chart's archive to a directory, as `helm package` names it."""
    files = {
        path.relative_to(SOURCES).as_posix(): path.read_text(encoding="utf-8")
        for path in SOURCES.rglob("*")
        if path.is_file()
    }
    chart = files["Chart.yaml"].partition("\n")[2]  # the first line is about the template
    files["Chart.yaml"] = string.Template(chart).substitute(version=version)
    files["LICENSE"] = (ROOT / "LICENSE").read_text(encoding="utf-8")
    for agent in ("inject", "image"):
        printed = print_schedule(zipapp, agent)
        files[f"templates/{agent}.yaml"] = render_template(printed, agent)
    members = {f"{NAME}/{name}": Member(text.encode()) for name, text in files.items()}
    path = output / f"{NAME}-{version}.tgz"
    path.write_bytes(archives.compress(archives.pack_tar(members)))


def print_schedule(zipapp: Path, agent: str) -> str:
    """Return what the program prints for the placeholders."""
    flags = [f"{name}={value}" for name, value in FLAGS.items()]
    words = ["schedule", "--print", "--all-nodes", f"--agent={agent}", *flags]
    env = {"PATH": os.defpath, "LANG": "C.UTF-8", "KUBECONFIG": os.devnull}
    command = [sys.executable, "-IS", str(zipapp), *words]
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout


def render_template(printed: str, agent: str) -> str:
    """Return the template for a value of `agent`; exit if a placeholder was not expected."""
    documents = printed.split("---\n")[1:]  # before the first is a comment on the command
    kept = [text for text in documents if not text.startswith("apiVersion: v1\nkind: ConfigMap\n")]
    lines = [line for text in kept for line in ("---", *text.splitlines())]
    body = "\n".join(render_line(line) for line in lines)
    missing = [line for line, _ in LINES if not re.search(rf"^ *{re.escape(line)}$", printed, re.M)]
    left = [line for line in body.splitlines() if PLACEHOLDER in line or FLAGS["--keep"] in line]
    if missing or left:
        sys.exit(f"error: cannot make the chart: {missing + left} in `schedule --print`")
    return f'{{{{- if eq .Values.agent "{agent}" }}}}\n{body}\n{{{{- end }}}}\n'


def render_line(line: str) -> str:
    """Return a line of the output as lines of the template."""
    bare = line.lstrip(" ")
    indent = line[: len(line) - len(bare)]
    for printed, template in LINES:
        if bare == printed:
            return "\n".join(indent + part for part in template.splitlines())
    return line.replace(FLAGS["--namespace"], NAMESPACE)
