"""Cases: cluster, user and namespace from files, flags, variables and the pod."""

from __future__ import annotations

import json

from tests.kubectl_parity.case import CA, Case, config

POD = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "@TLS_PORT@"}
FORGOTTEN = "kubectl forgets the pod's account when --as is given; ours impersonates with it"
DANGLING = "kubectl takes the pod's cluster instead of one that is missing; ours says it is missing"
NULL = """apiVersion: v1
clusters: null
contexts:
- context:
    cluster: ""
    namespace: my-ns
    user: ""
  name: dask
current-context: dask
kind: Config
preferences: {}
users: null
"""
TWO = {
    "clusters": [
        {"name": "c", "cluster": {"server": "@TLS@", **CA}},
        {"name": "d", "cluster": {"server": "@TLS@/second", **CA}},
    ],
    "users": [{"name": "u", "user": {"token": "t"}}, {"name": "v", "user": {"token": "s"}}],
    "contexts": [
        {"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "one"}},
        {"name": "y", "context": {"cluster": "d", "user": "v", "namespace": "two"}},
    ],
}
FIRST, SECOND = config({"token": "first"}), config({"token": "second"})
ONLY_USER = json.dumps({"users": [{"name": "u", "user": {"token": "first"}}]})


def namespaced(name: str, kubeconfig: str | None, **more: object) -> Case:
    return Case(name, kubeconfig, is_namespaced=True, **more)  # type: ignore[arg-type]


CASES = (
    namespaced("namespace-default", config()),
    namespaced("namespace-of-context", config(context={"namespace": "ops"})),
    namespaced("flag-namespace", config(context={"namespace": "ops"}), flags=("-n", "dev")),
    namespaced("flag-context", config(**TWO), flags=("--context", "y")),
    namespaced("flag-cluster", config(**TWO), flags=("--cluster", "d")),
    namespaced("flag-user", config(**TWO), flags=("--user", "v")),
    namespaced("flag-server", config(**TWO), flags=("--server", "@TLS@/flag")),
    Case("flag-context-unknown", config(**TWO), flags=("--context", "z"), exit_code=3),
    Case("flag-cluster-unknown", config(**TWO), flags=("--cluster", "z"), exit_code=3),
    Case("flag-user-unknown", config(**TWO), flags=("--user", "z"), exit_code=3),
    Case("current-context-unknown", config(**{"current-context": "z"}), exit_code=3),
    Case(
        "current-context-empty",
        config(**{"current-context": ""}),
        exit_code=3,
    ),
    namespaced("context-without-user", config(context={"user": None}), flags=("--token", "flag")),
    Case("context-of-unknown-user", config(context={"user": "z"}), exit_code=3),
    Case("context-of-unknown-cluster", config(context={"cluster": "z"}), exit_code=3),
    namespaced(
        "files-first-wins",
        None,
        env={"KUBECONFIG": "@HOME@/1:@HOME@/2"},
        files={"1": FIRST, "2": SECOND},
    ),
    namespaced(
        "files-first-is-missing", None, env={"KUBECONFIG": "@HOME@/0:@HOME@/2"}, files={"2": SECOND}
    ),
    namespaced(
        "files-first-is-empty",
        None,
        env={"KUBECONFIG": "@HOME@/1:@HOME@/2"},
        files={"1": "", "2": SECOND},
    ),
    namespaced(
        "files-user-from-the-first",
        None,
        env={"KUBECONFIG": "@HOME@/1::@HOME@/2"},
        files={"1": ONLY_USER, "2": SECOND},
    ),
    namespaced(
        "files-same-context-in-both",
        None,
        env={"KUBECONFIG": "@HOME@/1:@HOME@/2"},
        files={
            "1": config(context={"user": "u"}),
            "2": config(context={"user": "u", "namespace": "late"}),
        },
    ),
    namespaced(
        "files-relative-paths",
        None,
        env={"KUBECONFIG": "a/1:b/2"},
        files={"a/1": config({"tokenFile": "tok"}), "b/2": SECOND, "a/tok": "relative"},
    ),
    namespaced(
        "files-list-twice", None, env={"KUBECONFIG": "@HOME@/1:@HOME@/1"}, files={"1": FIRST}
    ),
    Case(
        "files-second-is-broken",
        None,
        env={"KUBECONFIG": "@HOME@/1:@HOME@/2"},
        files={"1": FIRST, "2": "a: ["},
        exit_code=2,
    ),
    Case(
        "files-all-missing",
        None,
        env={"KUBECONFIG": "@HOME@/1:@HOME@/2"},
        exit_code=3,
    ),
    namespaced(
        "kubeconfig-variable-over-home", FIRST, env={"KUBECONFIG": "@HOME@/2"}, files={"2": SECOND}
    ),
    namespaced(
        "kubeconfig-flag-over-variable",
        FIRST,
        env={"KUBECONFIG": "@HOME@/1"},
        files={"1": FIRST, "2": SECOND},
        flags=("--kubeconfig", "@HOME@/2"),
    ),
    Case("kubeconfig-flag-missing", FIRST, flags=("--kubeconfig", "@HOME@/none"), exit_code=3),
    Case("kubeconfig-is-a-directory", None, files={".kube/config/x": ""}, exit_code=2),
    Case("no-kubeconfig", None, exit_code=3),
    Case("server-flag-alone", None, flags=("--server", "@PLAIN@")),
    Case(
        "server-flag-with-token",
        None,
        flags=("-s", "@TLS@", "--token", "t", "--certificate-authority", "@PKI@/ca.crt"),
    ),
    namespaced("pod-account", None, in_pod=True, env=POD),
    namespaced("pod-namespace-variable", None, in_pod=True, env={**POD, "POD_NAMESPACE": "var"}),
    namespaced("pod-with-kubeconfig", FIRST, in_pod=True, env=POD),
    namespaced(
        "pod-with-kubeconfig-and-namespace",
        config(context={"namespace": "ops"}),
        in_pod=True,
        env={**POD, "POD_NAMESPACE": "var"},
    ),
    namespaced(
        "pod-with-kubeconfig-and-variable", FIRST, in_pod=True, env={**POD, "POD_NAMESPACE": "var"}
    ),
    namespaced(
        "pod-with-explicit-default", config(context={"namespace": "default"}), in_pod=True, env=POD
    ),
    namespaced("pod-with-null-kubeconfig", NULL, in_pod=True, env=POD),
    namespaced("pod-with-empty-kubeconfig", "", in_pod=True, env=POD),
    namespaced("pod-flag-namespace", None, in_pod=True, env=POD, flags=("-n", "dev")),
    namespaced("pod-flag-token", None, in_pod=True, env=POD, flags=("--token", "flag")),
    namespaced(
        "pod-flag-server", None, in_pod=True, env=POD, flags=("-s", "@TLS@/flag"), exit_code=6
    ),
    Case(
        "pod-flag-context-unknown",
        None,
        in_pod=True,
        env=POD,
        flags=("--context", "z"),
        exit_code=3,
    ),
    namespaced(
        "pod-flag-as", None, in_pod=True, env=POD, flags=("--as", "eve"), difference=FORGOTTEN
    ),
    namespaced(
        "pod-flag-authority",
        None,
        in_pod=True,
        env=POD,
        flags=("--certificate-authority", "@PKI@/other.crt"),
        exit_code=6,
    ),
    namespaced(
        "pod-with-unknown-cluster",
        config(context={"cluster": "z"}),
        in_pod=True,
        env=POD,
        exit_code=3,
        difference=DANGLING,
    ),
    Case("pod-flag-user-unknown", None, in_pod=True, env=POD, flags=("--user", "z"), exit_code=3),
    Case("null-kubeconfig", NULL, exit_code=3),
)
