"""Selection of cluster, user and namespace: kubeconfig, connection flags, or the pod's account.

The precedence is kubectl's (k8s.io/client-go, tools/clientcmd). `credentials` logs in, `tls` and
`proxy` prepare the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.auth.conflicts import refuse_conflicts
from kubectl_snapshot.clients.auth.kubeconfig import (
    Config,
    PodAccount,
    read_config,
    read_pod_account,
)
from kubectl_snapshot.constants import WITHOUT_CLUSTER
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Headers = Iterable[tuple[str, str]]
    Trace = Callable[[str, str, str, int, Headers, Headers], None]


@dataclass(frozen=True)
class ConnectionOptions:
    """kubectl's connection flags; "" means not given.

    `trace` gets each request: method, URL, outcome, milliseconds, the request's headers without
    secrets, and the answer's headers.
    """

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
    trace: Trace | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Access:
    """The selected cluster and user, with the keys of a kubeconfig."""

    context: str
    user_name: str
    namespace: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any] = field(repr=False)
    user_file: str = ""
    options: ConnectionOptions = field(default_factory=ConnectionOptions)


def read_access(options: ConnectionOptions, env: Mapping[str, str]) -> Access:
    """Return the selected cluster, user and namespace; reads kubeconfig files only.

    Precedence: flags, $KUBECONFIG, ~/.kube/config, the pod's service account. Raises NotFound (no
    cluster configured, unknown name) and InvalidRequest (broken file, contradictory settings).
    """
    return select_access(read_config(options.kubeconfig, env), options, read_pod_account(env))


def select_access(
    config: Config, options: ConnectionOptions, pod: PodAccount | None = None
) -> Access:
    """Return the cluster and user of a context, or the pod's; flags override their keys."""
    name = options.context or config.current_context
    context = _find(config.contexts, name, "context", config.source) if name else {}
    cluster_name = options.cluster or context.get("cluster", "")
    user_name = options.user or context.get("user", "")
    cluster: Mapping[str, Any] = {}
    user: Mapping[str, Any] = {}
    if cluster_name:
        cluster = _find(config.clusters, cluster_name, "cluster", config.source)
    if user_name:
        user = _find(config.users, user_name, "user", config.source)
    if not cluster and not options.server:
        if pod is None or cluster_name:
            raise _no_cluster(config, name, cluster_name)
        cluster, user, user_name = pod.cluster, {} if options.token else pod.user, ""
    namespace = options.namespace or context.get("namespace") or (pod.namespace if pod else "")
    access = Access(
        context=name,
        user_name=user_name,
        namespace=namespace or "default",
        cluster=_with_cluster_flags(cluster, options),
        user=_with_user_flags(user, options),
        user_file=config.user_files.get(user_name, ""),
        options=options,
    )
    if not access.cluster.get("server"):
        raise InvalidRequest(f"cluster {cluster_name} in {config.source} has no server")
    refuse_conflicts(access.cluster, access.user, user_name)
    return access


def _no_cluster(config: Config, context: str, cluster: str) -> NotFound | InvalidRequest:
    """Return the error for a selection without a cluster."""
    if cluster:
        return InvalidRequest(f"cluster {cluster} in {config.source} has no server")
    if config.contexts and not context:
        return NotFound(
            f"no current context is set in {config.source}",
            why=_choices(config.contexts, "context"),
            hint=f"choose one with --context; {WITHOUT_CLUSTER}",
        )
    why = f"context {context} in {config.source} names no cluster"
    if not context:
        why = f"no kubeconfig in {config.source or 'any place'}"
    return NotFound(
        "no cluster is configured",
        why=f"{why}, and this is not a pod",
        hint=f"name a file with --kubeconfig or $KUBECONFIG; {WITHOUT_CLUSTER}",
    )


def render_kubectl(command: str, options: ConnectionOptions) -> str:
    """Return a kubectl command for the same cluster and user, in backquotes, for hints."""
    flags = {
        "--kubeconfig": options.kubeconfig,
        "--context": options.context,
        "--cluster": options.cluster,
        "--user": options.user,
        "--server": strip_login(options.server),
        "--certificate-authority": options.certificate_authority,
        "--tls-server-name": options.tls_server_name,
        "--client-certificate": options.client_certificate,
        "--client-key": options.client_key,
        "--as": options.as_user,
        "--as-uid": options.as_uid,
    }
    from shlex import quote  # late: 2 ms, and only hints have commands

    given = [f"{flag} {quote(value)}" for flag, value in flags.items() if value]
    given += [f"--as-group {quote(group)}" for group in options.as_groups]
    if options.insecure_skip_tls_verify:
        given.append("--insecure-skip-tls-verify")
    if options.token:
        given.append("--token TOKEN")  # no secret in a message
    return f"`{' '.join((f'kubectl {command}', *given))}`"


def strip_login(url: str) -> str:
    """Return a URL without user name and password."""
    scheme, separator, rest = url.rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def _with_cluster_flags(
    cluster: Mapping[str, Any], options: ConnectionOptions
) -> Mapping[str, Any]:
    """Return the cluster's keys, overridden by flags (clientcmd, getCluster)."""
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
    """Return the user's keys, overridden by flags (clientcmd, getAuthInfo)."""
    flags = {
        "token": options.token,
        "client-certificate": options.client_certificate,
        "client-key": options.client_key,
        "as": options.as_user,
        "as-uid": options.as_uid,
        "as-groups": list(options.as_groups),
    }
    given = {key: value for key, value in flags.items() if value}
    # As kubectl 1.37: the file of a flag takes the place of the kubeconfig's data.
    return {
        **{key: value for key, value in user.items() if key.removesuffix("-data") not in given},
        **given,
    }


def _find(
    choices: Mapping[str, Mapping[str, Any]], name: str, what: str, source: str
) -> Mapping[str, Any]:
    if name not in choices:
        raise NotFound(
            f'{what} "{name}" not found in {source}',
            why=_choices(choices, what),
            hint="list them with `kubectl config view`",
        )
    return choices[name]


def _choices(names: Mapping[str, Any], what: str) -> str:
    listed = ", ".join(sorted(names))
    return f"available: {listed}" if listed else f"it has no {what}"
