"""Which cluster, user and namespace a command means: from kubeconfig files, flags, or its pod.

The rules are kubectl's (k8s.io/client-go, tools/clientcmd). Only kubeconfig files are read here;
certificates, tokens and plugins are the matter of `credentials` and `tls`, connections of `kube`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.auth.kubeconfig_file import Config, merge_configs, parse_config
from kubectl_snapshot.clients.files.localfile import read_yaml
from kubectl_snapshot.constants import WITHOUT_CLUSTER
from kubectl_snapshot.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True)
class ConnectionOptions:
    """kubectl's connection flags; "" is a flag that was not given."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    server: str = ""
    token: str = field(default="", repr=False)
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    as_user: str = ""
    as_groups: tuple[str, ...] = ()
    as_uid: str = ""
    request_timeout_s: float = 0.0  # 0: the client's default


@dataclass(frozen=True)
class Access:
    """One way into one cluster. `cluster` and `user` keep the keys of a kubeconfig."""

    context: str
    user_name: str
    namespace: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any] = field(repr=False)
    user_file: str = ""
    options: ConnectionOptions = field(default_factory=ConnectionOptions)


def read_access(options: ConnectionOptions, env: Mapping[str, str]) -> Access:
    """Return the way in that flags, $KUBECONFIG, ~/.kube/config or the pod give, in this order.

    Raises NotFound (nothing configured, a name that is not there) and InvalidRequest (broken file).
    """
    config = read_config(options.kubeconfig, env)
    if not (config.contexts or config.clusters or config.users):
        config = read_service_account(env) or config
    if not (config.contexts or config.clusters or options.server):
        raise NotFound(
            "no cluster is configured",
            why=f"no kubeconfig in {config.source or 'any place'}, and this is not a pod",
            hint=f"name a file with --kubeconfig or $KUBECONFIG; {WITHOUT_CLUSTER}",
        )
    return select_access(config, options)


def read_config(flag: str, env: Mapping[str, str]) -> Config:
    """Return the files of --kubeconfig, else $KUBECONFIG, else ~/.kube/config, merged."""
    if flag:
        return parse_config(read_yaml(flag), flag)
    listed = env.get("KUBECONFIG", "")
    paths = [path for path in listed.split(os.pathsep) if path]
    if not listed and env.get("HOME"):
        paths = [os.path.join(env["HOME"], ".kube", "config")]
    configs = [parse_config(read_yaml(path), path) for path in paths if os.path.exists(path)]
    return merge_configs(configs) if configs else Config(source=", ".join(paths))


def read_service_account(env: Mapping[str, str], directory: str = SERVICE_ACCOUNT) -> Config | None:
    """Return the configuration that Kubernetes gives to a pod, None outside of one."""
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT")
    token_path = os.path.join(directory, "token")
    if not (host and port and os.path.exists(token_path)):
        return None
    address = f"[{host}]" if ":" in host else host
    cluster = {
        "server": f"https://{address}:{port}",
        "certificate-authority": os.path.join(directory, "ca.crt"),
    }
    try:
        with open(os.path.join(directory, "namespace"), encoding="utf-8") as file:
            namespace = file.read().strip()
    except OSError:
        namespace = ""
    return Config(
        contexts={"": {"namespace": namespace}},
        clusters={"": cluster},
        users={"": {"tokenFile": token_path}},
        source="the pod's service account",
    )


def select_access(config: Config, options: ConnectionOptions) -> Access:
    """Return the chosen context's cluster and user with the flags laid over them."""
    name = options.context or config.current_context
    context: Mapping[str, Any] = {}
    if name or name in config.contexts:
        context = _find(config.contexts, name, "context", config.source)
    elif not (options.cluster or options.server):
        raise NotFound(
            f"no current context is set in {config.source}",
            why=_choices(config.contexts, "context"),
            hint=f"choose one with --context; {WITHOUT_CLUSTER}",
        )
    cluster_name = options.cluster or context.get("cluster", "")
    cluster: Mapping[str, Any] = {}
    if cluster_name or not options.server:
        cluster = _find(config.clusters, cluster_name, "cluster", config.source)
    user_name = options.user or context.get("user", "")
    user = config.users.get("", {})
    if user_name:
        user = _find(config.users, user_name, "user", config.source)
    access = Access(
        context=name,
        user_name=user_name,
        namespace=options.namespace or context.get("namespace", "") or "default",
        cluster=_with_cluster_flags(cluster, options),
        user=_with_user_flags(user, options),
        user_file=config.user_files.get(user_name, ""),
        options=options,
    )
    if not access.cluster.get("server"):
        raise InvalidRequest(f"cluster {cluster_name} in {config.source} names no server")
    if not access.user.get("as") and any(
        access.user.get(key) for key in ("as-uid", "as-groups", "as-user-extra")
    ):
        raise InvalidRequest("a group or uid to act as needs a user", hint="name one with --as")
    return access


def render_kubectl(command: str, options: ConnectionOptions) -> str:
    """Return a kubectl command that reaches the same cluster as the same user, for hints."""
    from shlex import quote

    flags = {
        "--kubeconfig": options.kubeconfig,
        "--context": options.context,
        "--cluster": options.cluster,
        "--user": options.user,
        "--server": _without_login(options.server),
        "--as": options.as_user,
    }
    given = (f"{flag} {quote(value)}" for flag, value in flags.items() if value)
    return f"`{' '.join((f'kubectl {command}', *given))}`"


def _without_login(server: str) -> str:
    """Return an address without the name and password that a URL can hold."""
    scheme, separator, rest = server.rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def _with_cluster_flags(
    cluster: Mapping[str, Any], options: ConnectionOptions
) -> Mapping[str, Any]:
    """Return the cluster with its flags over it (clientcmd, getCluster)."""
    if options.certificate_authority and options.insecure_skip_tls_verify:
        raise InvalidRequest(
            "--certificate-authority and --insecure-skip-tls-verify exclude each other"
        )
    changed = dict(cluster)
    if options.server:
        changed["server"] = options.server
    if options.server or options.tls_server_name:
        changed["tls-server-name"] = options.tls_server_name
    if options.certificate_authority or options.insecure_skip_tls_verify:
        for key in ("certificate-authority", "certificate-authority-data"):
            changed.pop(key, None)
        changed["insecure-skip-tls-verify"] = options.insecure_skip_tls_verify
    if options.certificate_authority:
        changed["certificate-authority"] = options.certificate_authority
    return changed


def _with_user_flags(user: Mapping[str, Any], options: ConnectionOptions) -> Mapping[str, Any]:
    """Return the user with its flags over it; a token replaces every other way to log in."""
    changed = dict(user)
    if options.token:
        for key in ("tokenFile", "username", "password", "exec", "auth-provider"):
            changed.pop(key, None)
    if options.client_certificate or options.client_key:
        for key in ("client-certificate-data", "client-key-data"):
            changed.pop(key, None)
    flags = {
        "token": options.token,
        "client-certificate": options.client_certificate,
        "client-key": options.client_key,
        "as": options.as_user,
        "as-uid": options.as_uid,
        "as-groups": list(options.as_groups),
    }
    changed.update((key, value) for key, value in flags.items() if value)
    return changed


def _find(
    choices: Mapping[str, Mapping[str, Any]], name: str, what: str, source: str
) -> Mapping[str, Any]:
    if name not in choices:
        raise NotFound(
            f"there is no {what} {name!r} in {source}",
            why=_choices(choices, what),
            hint="list them with `kubectl config view`",
        )
    return choices[name]


def _choices(names: Mapping[str, Any], what: str) -> str:
    listed = ", ".join(sorted(names))
    return f"there is {listed}" if listed else f"it has no {what}"
