"""Cases: credential plugins, their input and their answers."""

from __future__ import annotations

from tests.kubectl_parity.case import API, SPACES, Case, config, credential, plugin, plugin_files

TWICE = "kubectl runs the plugin for the TLS handshake and for the token; ours runs it once"
YAML = f"apiVersion: {API}/v1beta1\nkind: ExecCredential\nstatus:\n  token: yaml\n"
EXTENSION = [{"name": f"{API}/exec", "extension": {"audience": "x", "n": 1}}]


def answers(name: str, output: str, exit_code: int = 0, difference: str = "") -> Case:
    """A case whose plugin prints this."""
    return Case(
        name,
        config(plugin()),
        files=plugin_files(output),
        exit_code=exit_code,
        difference=difference,
    )


CASES = (
    Case("plugin-v1", config(plugin()), files=plugin_files()),
    Case(
        "plugin-v1beta1",
        config(plugin(apiVersion=f"{API}/v1beta1")),
        files=plugin_files(credential("v1beta1")),
    ),
    Case(
        "plugin-v1alpha1",
        config(plugin(apiVersion=f"{API}/v1alpha1")),
        files=plugin_files(credential("v1alpha1")),
        exit_code=2,
    ),
    Case("plugin-without-version", config(plugin(apiVersion=None)), exit_code=2),
    Case("plugin-without-command", config(plugin(command="")), exit_code=2),
    Case(
        "plugin-v1-without-interactive-mode",
        config(plugin(interactiveMode=None)),
        files=plugin_files(),
        exit_code=2,
    ),
    Case(
        "plugin-v1beta1-without-interactive-mode",
        config(plugin(interactiveMode=None, apiVersion=f"{API}/v1beta1")),
        files=plugin_files(credential("v1beta1")),
    ),
    Case(
        "plugin-unknown-interactive-mode",
        config(plugin(interactiveMode="Sometimes")),
        files=plugin_files(),
        exit_code=2,
    ),
    Case(
        "plugin-always-interactive-without-terminal",
        config(plugin(interactiveMode="Always")),
        files=plugin_files(),
        exit_code=4,
    ),
    Case(
        "plugin-if-available",
        config(plugin(interactiveMode="IfAvailable")),
        files=plugin_files(),
    ),
    Case(
        "plugin-arguments-and-variables",
        config(plugin(args=["a b", "--c"], env=[{"name": "PLUGIN_VARIABLE", "value": "v 1"}])),
        files=plugin_files(),
    ),
    Case("plugin-null-arguments", config(plugin(args=None, env=None)), files=plugin_files()),
    Case(
        "plugin-relative-command",
        config(plugin("./plug/p")),
        files=plugin_files(name=".kube/plug/p"),
    ),
    Case(
        "plugin-relative-to-parent",
        config(plugin("../plug/p")),
        files=plugin_files(name="plug/p"),
    ),
    Case("plugin-absolute-command", config(plugin("@HOME@/p")), files=plugin_files(name="p")),
    Case(
        "plugin-in-current-directory",
        config(plugin("p")),
        files=plugin_files(name="p"),
        exit_code=3,
    ),
    Case("plugin-missing", config(plugin("nowhere", installHint="get it")), exit_code=3),
    Case("plugin-fails", config(plugin()), files=plugin_files("no", 3), exit_code=4),
    Case(
        "plugin-cluster-info",
        config(
            plugin(provideClusterInfo=True),
            {"extensions": EXTENSION, "proxy-url": "@PROXY@", "tls-server-name": "localhost"},
        ),
        files=plugin_files(),
    ),
    Case(
        "plugin-cluster-info-insecure",
        config(
            plugin(provideClusterInfo=True),
            {"insecure-skip-tls-verify": True, "certificate-authority": None},
        ),
        files=plugin_files(),
    ),
    Case(
        "plugin-cluster-info-of-a-rancher-path",
        config(plugin(provideClusterInfo=True), {"server": "@TLS@/k8s/clusters/c-1/"}),
        is_namespaced=True,
        files=plugin_files(),
    ),
    answers("plugin-yaml", YAML.replace("v1beta1", "v1")),
    Case(
        "plugin-yaml-v1beta1",
        config(plugin(apiVersion=f"{API}/v1beta1")),
        files=plugin_files(YAML),
    ),
    answers("plugin-other-version", credential("v1beta1"), 4),
    answers("plugin-other-kind", credential().replace("ExecCredential", "Config"), 4),
    answers("plugin-without-kind", credential().replace('"kind": "ExecCredential", ', "")),
    answers(
        "plugin-without-api-version", '{"kind": "ExecCredential", "status": {"token": "p"}}', 4
    ),
    answers("plugin-empty-output", "", 4),
    answers("plugin-not-json", "login ok", 4),
    answers("plugin-text-before-json", "hello\n" + credential(), 4),
    answers("plugin-text-after-json", credential() + "\nbye", 4),
    answers("plugin-newlines-around", "\n\n" + credential() + "\n\n"),
    answers("plugin-without-status", f'{{"apiVersion": "{API}/v1", "kind": "ExecCredential"}}', 4),
    answers("plugin-empty-status", credential(other="x"), 4),
    answers("plugin-unknown-fields", credential(token="p", other="x")),
    answers("plugin-number-as-token", credential().replace('"p"', "7"), 4),
    answers("plugin-key-alone", credential(token="p", clientKeyData="x"), 4),
    answers("plugin-bad-certificate", credential(clientCertificateData="x", clientKeyData="y"), 4),
    answers(
        "plugin-future-expiry", credential(token="p", expirationTimestamp="2040-01-01T00:00:00Z")
    ),
    answers(
        "plugin-past-expiry",
        credential(token="p", expirationTimestamp="2020-01-01T00:00:00Z"),
        difference=TWICE,
    ),
    answers(
        "plugin-expiry-with-zone",
        credential(token="p", expirationTimestamp="2040-01-01T00:00:00.5+02:00"),
    ),
    answers("plugin-bad-expiry", credential(token="p", expirationTimestamp="tomorrow"), 4),
    answers("plugin-token-with-spaces", credential(token=" p "), difference=SPACES),
    answers("plugin-token-with-newline", credential(token="p\n"), difference=SPACES),
    answers("plugin-null-token", credential().replace('"p"', "null"), 4),
    Case(
        "plugin-token-refused",
        config(plugin()),
        files=plugin_files(),
        refused=("Bearer p",),
        exit_code=4,
    ),
    Case(
        "plugin-on-plain-http",
        config(plugin(), {"server": "@PLAIN@", "certificate-authority": None}),
        files=plugin_files(),
    ),
    Case(
        "plugin-missing-on-plain-http",
        config(plugin("nowhere"), {"server": "@PLAIN@", "certificate-authority": None}),
    ),
    Case(
        "plugin-beside-impersonation",
        config({**plugin(), "as": "eve"}),
        files=plugin_files(),
    ),
)
