"""Cases after public bug reports on kubectl and its sister tools."""

from __future__ import annotations

from typing import Any

from tests.kubectl_parity.case import API, LOG_RUN, Case, answering, credential

USER = f"""
    exec:
      apiVersion: {API}/v1beta1
      command: ./get-tok
      interactiveMode: Never
"""
EXEC = f"""\
apiVersion: v1
kind: Config
clusters:
- name: dc1
  cluster: {{server: "@TLS@", insecure-skip-tls-verify: true}}
contexts:
- name: dc1
  context: {{cluster: dc1, user: u1}}
current-context: dc1
users:
- name: u1
  user:
{USER}"""
STATIC = EXEC.replace("  user:\n", "  user:\n    token: static-token-1\n")
RANCHER = STATIC.replace("@TLS@", "@TLS@/k8s/clusters/c-abcde/")
ARN = "arn:aws:eks:us-east-1:111122223333:cluster/gpu-1"
GCP = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "@TLS@", insecure-skip-tls-verify: true}}]
contexts: [{name: c, context: {cluster: c, user: g}}]
current-context: c
users:
- name: g
  user:
    auth-provider:
      name: gcp
      config: {access-token: LEAK-ya29.token, cmd-path: gcloud, expiry: "2020-01-01T00:00:00Z"}
"""
FILES = {".kube/get-tok": answering(credential("v1beta1"))}
YAML = f"apiVersion: {API}/v1beta1\\nkind: ExecCredential\\nstatus:\\n  token: yaml-token-3\\n"


def reported(name: str, kubeconfig: str, encoding: str = "utf-8", **more: Any) -> Case:
    return Case(name, kubeconfig, files=FILES, encoding=encoding, **more)


CASES = (
    reported("reported-arn", EXEC.replace("dc1", ARN)),
    reported("reported-bom", EXEC, "utf-8-sig"),
    reported("reported-crlf", EXEC.replace("\n", "\r\n")),
    reported(
        "reported-ctxnum",
        EXEC.replace("- name: dc1\n  context", "- name: 1234\n  context").replace(
            "current-context: dc1", 'current-context: "1234"'
        ),
        exit_code=2,
    ),
    reported("reported-dupkey", EXEC + "current-context: dc1\n"),
    reported("reported-gcp", GCP, exit_code=2),
    # kubectl 1.30 drops the path of the server for `get --raw`.
    reported("reported-rancher", RANCHER, since="v1.34"),
    reported("reported-rancher2", RANCHER.replace(USER, ""), since="v1.34"),
    reported("reported-socks", EXEC.replace("true}", 'true, proxy-url: "@SOCKS@"}')),
    Case(
        "reported-yaml",
        EXEC,
        files={".kube/get-tok": f'{LOG_RUN}sys.stdout.write("{YAML}")\n'},
    ),
)
