from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system import collector as operating_system
from kubectl_snapshot.collectors.operating_system import grub
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.codec.json_codec import canonical_json, render_json
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.redaction.measurements import redact_measurements, redact_subtype
from kubectl_snapshot.document.redaction.values import (
    MAX_NAMED_PATHS,
    Redaction,
    describe_paths,
    find_redacted,
    redact_text,
)
from kubectl_snapshot.document.registry import SubtypeSpec
from kubectl_snapshot.document.scalars import to_reading
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype
from tests.unit.document.secret_corpus import NAMED, PHRASES, SHAPED, make_corpus, pieces_of
from tests.unit.document.strategies import ANY_TEXT, PROPERTY
from tests.unit.hosts import HOSTS

KEY = b"0123456789abcdef"
REDACTION = Redaction(KEY)
TOKEN = "redacted:hmac-sha256:"

SHAPED_SECRETS = make_corpus(1, SHAPED, 120)
NAMED_SECRETS = make_corpus(2, NAMED, 60)
PHRASE_SECRETS = make_corpus(3, PHRASES, 20)
CORPUS = [*SHAPED_SECRETS, *NAMED_SECRETS, *PHRASE_SECRETS]


def number(secret: str) -> str:
    return f"secret-{CORPUS.index(secret)}"


def read_command_line(line: str) -> Subtype:
    data = grub.parse_command_line(line)
    return Subtype("grub", data, grub.parse_lost_parameters(line))


def build_command_line(parameters: str, secret: str) -> str:
    # One line; and the kernel knows no way to write a double quote (lib/cmdline.c).
    return "ro rd.x=1" if '"' in secret else f"ro {parameters} rd.x=1".replace("\n", " ")


def build_unit(environment: list[str], *commands: list[str]) -> Subtype:
    starts = [[argv[0], argv, False, 0, 0] for argv in commands]
    data = {
        "Environment": to_reading("", environment)[1],
        "ExecStart": to_reading("", starts)[1],
        "ExecStartPreEx": to_reading("", starts)[1],
        "ExecStopPost": to_reading("", starts)[1],
    }
    return Subtype("app.service", data)


def name_secret(secret: str) -> list[Measurement]:
    """The secret in every place that is made for one, by a name that says so."""
    line = build_command_line(f'app.password="{secret}" app.password="{secret}"', secret)
    variables = [{"name": "NGC_API_KEY", "value": secret}, {"name": "MODE", "value": "fast"}]
    yaml_text = (
        f"auth:\n  password: {json.dumps(secret)}\nenv:\n  - name: DB_PASSWORD\n"
        f"    value: {json.dumps(secret)}\n  - name: MODE\n    value: fast\n"
    )
    argv = ["/usr/bin/app", "--token", secret, f"--password={secret}", "--mode=fast", "serve"]
    units = build_unit(
        [f"DB_PASSWORD={secret}", "MODE=fast"], argv, ["/bin/env", f"PGPASSWORD={secret}"]
    )
    helm = {
        "app.namespace": "gpu",
        "app.values.auth.password": secret,
        "app.values.env": json.dumps(variables),
        "app.values.config": yaml_text,
    }
    argocd = {
        "app.source.helm.values": yaml_text,
        "app.source.helm.valuesObject.db.adminPassword": secret,
        "app.sources.0.helm.parameters.apiToken": secret,
    }
    policy = {"driver.env": json.dumps(variables), "driver.licensing.clientSecret": secret}
    reason = f"the webhook refused --password={quote(secret, safe='')} with 403"
    return [
        Measurement(
            "K8s",
            (Subtype("helm", helm), Subtype("argocd", argocd), Subtype("policy", policy)),
        ),
        Measurement("OS", (read_command_line(line), Subtype("release", {}, {"reason": reason}))),
        Measurement("SystemD", (units,)),
    ]


def show_secret(secret: str) -> list[Measurement]:
    """The secret in every place that is searched, and nothing around it that gives it away."""
    line = build_command_line(f'a="{secret}" a="{secret}" {secret.split()[0]}', secret)
    script = f"exec app --with {secret} --fast"
    helm = {
        "app.values.a": secret,
        "app.values.b": json.dumps(["x", secret]),
        "app.values.c": script,
    }
    argocd = {
        "app.source.helm.values": f"a:\n  b: {json.dumps(secret)}\n  c: fast\n",
        "app.sources.0.helm.parameters.a": secret,
        "app.source.path": f"a/{secret}",
    }
    return [
        Measurement(
            "K8s",
            (Subtype("helm", helm), Subtype("argocd", argocd), Subtype("policy", {"a.b": secret})),
        ),
        Measurement(
            "OS", (read_command_line(line), Subtype("release", {}, {"reason": f"x {secret} y"}))
        ),
        Measurement("SystemD", (build_unit([f"A={secret}"], ["/bin/sh", "-c", script]),)),
    ]


def in_url(secret: str) -> list[Measurement]:
    """The secret as a URL's password, where URLs stand."""
    url = f"https://user:{quote(secret, safe='')}@host.example:8443/path"
    helm = {"app.values.repository": url, "app.values.list": json.dumps([{"url": url}])}
    return [
        Measurement("K8s", (Subtype("helm", helm), Subtype("argocd", {"a.source.repoURL": url}))),
        Measurement("OS", (read_command_line(f"inst.ks={url} ip=dhcp"),)),
        Measurement(
            "SystemD",
            (build_unit([f"HTTPS_PROXY={url}", "NO_PROXY=.svc"], ["/bin/curl", "-o", "/x", url]),),
        ),
    ]


def redact(measurements: list[Measurement], redaction: Redaction = REDACTION) -> Snapshot:
    return Snapshot({}, redact_measurements(measurements, redaction, REGISTRY))


def render_all(snapshot: Snapshot) -> str:
    texts = [render_yaml(snapshot), render_json(snapshot), canonical_json(snapshot).decode()]
    return "".join([*texts, describe_paths(find_redacted(snapshot))])


def tokens_of(snapshot: Snapshot) -> set[str]:
    return set(find_tokens(render_json(snapshot)))


def find_tokens(text: str) -> list[str]:
    return [part[:16] for part in text.split(TOKEN)[1:]]


def data_of(snapshot: Snapshot, type_name: str, name: str) -> Mapping[str, Scalar]:
    (found,) = [
        subtype.data
        for measurement in snapshot.measurements
        if measurement.type == type_name
        for subtype in measurement.subtypes
        if subtype.name == name
    ]
    return found


def assert_hidden(secret: str, measurements: list[Measurement]) -> None:
    text = render_all(redact(measurements))
    for piece in pieces_of(secret):
        assert piece not in text
        assert quote(piece, safe="") not in text


def test_the_corpus_has_two_hundred_secrets() -> None:
    assert len(set(CORPUS)) == 200


@pytest.mark.parametrize("secret", CORPUS, ids=number)
def test_what_bears_a_credentials_name_is_in_no_output(secret: str) -> None:
    assert_hidden(secret, name_secret(secret))


@pytest.mark.parametrize("secret", SHAPED_SECRETS, ids=number)
def test_what_has_a_credentials_shape_is_in_no_output(secret: str) -> None:
    assert_hidden(secret, show_secret(secret))


@pytest.mark.parametrize("secret", CORPUS, ids=number)
def test_the_password_of_a_url_is_in_no_output(secret: str) -> None:
    assert_hidden(secret, in_url(secret))


@pytest.mark.parametrize("secret", [*NAMED_SECRETS[:10], *PHRASE_SECRETS[:3]])
def test_no_word_of_a_quoted_phrase_is_a_parameter(secret: str) -> None:
    text = render_all(redact([Measurement("OS", (read_command_line(f'password="{secret}"'),))]))
    assert not [word for word in secret.split() if word in text]


def test_equal_secrets_are_equal_tokens_wherever_they_stand() -> None:
    for secret in NAMED_SECRETS:
        snapshot = redact(name_secret(secret))
        paths = find_redacted(snapshot)
        assert {path.split(".")[0] for path in paths} == {"K8s", "OS", "SystemD"}
        if secret.isalnum():
            assert tokens_of(snapshot) == {redact_text(secret, KEY).removeprefix(TOKEN)}


def test_different_secrets_are_different_tokens() -> None:
    assert len({redact_text(secret, KEY) for secret in CORPUS}) == len(CORPUS)


def test_another_key_gives_other_tokens() -> None:
    measurements = name_secret("hunter22")
    assert tokens_of(redact(measurements)) == tokens_of(redact(measurements))
    other = redact(measurements, Redaction(b"another key of 16"))
    assert tokens_of(redact(measurements)).isdisjoint(tokens_of(other))


def test_a_token_is_the_hmac_of_the_secret_alone() -> None:
    # printf hunter22 | openssl dgst -sha256 -hmac 0123456789abcdef
    assert redact_text("hunter22", KEY) == f"{TOKEN}9fcef8c939a52e7b"


def test_the_text_around_a_secret_stays() -> None:
    line = "ro inst.ks=https://user:hunter22@host/ks ip=dhcp systemd.setenv=A_TOKEN=hunter22"
    argv = ["/usr/bin/app", "--token", "hunter22", "--mode=fast"]
    snapshot = redact(
        [
            Measurement("OS", (read_command_line(line),)),
            Measurement("SystemD", (build_unit(["PASSWORD=hunter22", "A=b"], argv),)),
        ]
    )
    token = redact_text("hunter22", KEY)
    assert data_of(snapshot, "OS", "grub") == {
        "ro": "",
        "inst.ks": f"https://user:{token}@host/ks",
        "ip": "dhcp",
        "systemd.setenv": f"A_TOKEN={token}",
    }
    unit = data_of(snapshot, "SystemD", "app.service")
    assert unit["Environment"] == f"[PASSWORD={token} A=b]"
    start = f"[/usr/bin/app [/usr/bin/app --token {token} --mode=fast] false 0 0]"
    assert unit["ExecStart"] == f"[{start}]"


def test_json_and_yaml_stay_json_and_yaml() -> None:
    data = redact(name_secret("hunter 22"))
    token = redact_text("hunter 22", KEY)
    helm = data_of(data, "K8s", "helm")
    assert json.loads(str(helm["app.values.env"])) == [
        {"name": "NGC_API_KEY", "value": token},
        {"name": "MODE", "value": "fast"},
    ]
    assert data_of(data, "K8s", "argocd")["app.source.helm.values"] == (
        f'auth:\n  password: "{token}"\nenv:\n  - name: DB_PASSWORD\n'
        f'    value: "{token}"\n  - name: MODE\n    value: fast\n'
    )


def test_redacting_twice_is_redacting_once() -> None:
    for secret in CORPUS:
        for build in (name_secret, show_secret, in_url):
            once = redact(build(secret))
            again = redact(list(once.measurements), Redaction(b"another key of 16"))
            assert again == once


@PROPERTY
@given(st.dictionaries(ANY_TEXT, ANY_TEXT))
def test_no_text_breaks_it_and_no_key_is_lost(data: dict[str, str]) -> None:
    helm = {f"app.values.{key}": value for key, value in data.items()}
    measurements = [Measurement("K8s", (Subtype("helm", helm), Subtype("grub", data, data)))]
    assert data_of(redact(measurements), "K8s", "helm").keys() == helm.keys()
    redact([Measurement("OS", (Subtype("grub", data, data),))])


@pytest.mark.parametrize("host", sorted(HOSTS.iterdir()), ids=lambda path: path.name)
def test_nothing_of_an_ordinary_host_is_redacted(host: object) -> None:
    subtypes = tuple(operating_system.collect(Context(host=HostPath(str(host)))))
    measurements = [Measurement("OS", subtypes)]
    assert list(redact(measurements).measurements) == measurements


def test_nothing_of_an_ordinary_unit_is_redacted() -> None:
    environment = [
        "KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
        "KUBELET_EXTRA_ARGS=--rotate-certificates=true --tls-cipher-suites=TLS_AES_128_GCM_SHA256",
        "HTTPS_PROXY=http://proxy.example:3128",
        "NO_PROXY=10.0.0.0/8,.svc,169.254.169.254",
        "TOKEN_FILE=/run/secrets/token",
        "AWS_ACCESS_KEY_ID=",
        "PWD=/root",
    ]
    kubelet = [
        "/usr/bin/kubelet",
        "--authentication-token-webhook=true",
        "--authentication-token-webhook-cache-ttl=2m0s",
        "--authorization-mode=Webhook",
        "--client-ca-file=/etc/kubernetes/pki/ca.crt",
        "--feature-gates=KubeletCredentialProviders=true,RotateKubeletServerCertificate=true",
        "--image-credential-provider-bin-dir=/opt/bin",
        "--image-credential-provider-config=/etc/kubernetes/credential-provider.yaml",
        "--node-labels=kubernetes.azure.com/nodepool-type=VirtualMachineScaleSets,team=a",
        "--pod-infra-container-image=registry.k8s.io/pause:3.9@sha256:"
        "7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097",
        "--tls-private-key-file",
        "/etc/kubernetes/pki/kubelet.key",
        "--kubeconfig=$KUBECONFIG",
        "ghcr.io/example/token-service:v1.2.3",
    ]
    measurements = [Measurement("SystemD", (build_unit(environment, kubelet, ["/bin/true"]),))]
    assert redact(measurements).measurements == tuple(measurements)


def test_nothing_of_an_ordinary_chart_is_redacted() -> None:
    policy = {
        "driver.env": '[{"name":"LOG_LEVEL","value":"debug"}]',
        "driver.imagePullSecrets": '["ngc-secret"]',
        "driver.licensingConfig.secretName": "licensing",
        "driver.repository": "nvcr.io/nvidia",
        "driver.secretEnv": "driver-variables",
        "daemonsets.tolerations": '[{"key":"nvidia.com/gpu","operator":"Exists"}]',
        "toolkit.enabled": "true",
        "validator.image": "nvcr.io/nvidia/gpu-operator:v25.3.0",
    }
    helm = {
        "vault-secrets.chart": "vault-secrets-webhook",
        "vault-secrets.revision": "3",
        "vault-secrets.values.auth.existingSecret": "db-credentials",
        "vault-secrets.values.auth.existingSecretPasswordKey": "password",
        "vault-secrets.values.auth.tokenSecretRef.key": "token",
        "vault-secrets.values.automountServiceAccountToken": "true",
        "vault-secrets.values.ingress.hosts": '[{"host":"a.example","paths":["/"]}]',
        "vault-secrets.values.ingress.tls": '[{"hosts":["a.example"],"secretName":"tls"}]',
        "vault-secrets.values.model.maxTokens": "4096",
        "vault-secrets.values.password": "",
        "vault-secrets.values.repo": "oci://registry.example:443/charts@sha256:ab12",
        "vault-secrets.values.script": "#!/bin/sh\nset -e\nexport TOKEN=$(cat /run/token)\n",
        "vault-secrets.values.token": "${TOKEN}",
    }
    argocd = {
        "app.source.repoURL": "git@github.com:example/charts.git",
        "app.source.targetRevision": "7031c1b283388d2c2e09b57badb803c05ebed362",
        "app.source.helm.values": "replicas: 3 # pods\ntoken:\n  enabled: true\n  ttl: 24h\n",
    }
    measurements = [
        Measurement(
            "K8s",
            (Subtype("policy", policy), Subtype("helm", helm), Subtype("argocd", argocd)),
        )
    ]
    assert redact(measurements).measurements == tuple(measurements)


def test_every_reading_is_searched() -> None:
    url = "https://user:hunter22@host"
    image = Subtype("image", {"password": "v1", "x": url}, {"image.x": url})
    unit = Subtype("a.mount", {"What": url, "Options": "a,pass=hunter22", "StatusText": url})
    new = Subtype("anything", {"a": url, "token": "hunter22", "b": 4711, "pin": 4711})
    snapshot = redact(
        [
            Measurement("K8s", (image, Subtype("server", {"version": url}))),
            Measurement("OS", (Subtype("release", {"NAME": url}),)),
            Measurement("SystemD", (unit,)),
            Measurement("Added", (new,)),
        ]
    )
    assert "hunter22" not in render_all(snapshot)
    # The name of an image says nothing about its tag.
    assert data_of(snapshot, "K8s", "image")["password"] == "v1"
    added = data_of(snapshot, "Added", "anything")
    assert (added["b"], added["pin"]) == (4711, redact_text("4711", KEY))


# Everybody in a cluster can read taints and labels, every user of a node the rest.
PUBLIC = (
    *("NodeTopology.taint", "NodeTopology.label", "OS.sysctl-net"),
    *("Network.interface-x", "Network.rdma-x", "Network.proximity"),
    "Network.pci-acs",
    *("Driver.modules", "Driver.kernel-log"),
    *("Hardware.cpu", "Hardware.vulnerabilities", "Hardware.memory", "Hardware.board"),
    *("Hardware.identity", "Hardware.virtualization", "Hardware.iommu", "Hardware.pcie"),
    *("Hardware.pcie-errors", "Hardware.nvme", "OS.cgroup", "OS.kernel-config", "OS.taint"),
    *("OS.livepatch", "OS.security", "OS.memory", "OS.limits", "OS.time", "OS.packages"),
    *("OS.block-devices", "OS.filesystems"),
)
DECLARED = [
    (measurement.type, spec.name.replace("*", "x"), spec)
    for measurement in REGISTRY
    for spec in measurement.subtypes
]


@pytest.mark.parametrize(("type_", "name", "spec"), DECLARED, ids=lambda value: str(value)[:20])
def test_every_text_of_every_collector_is_searched(
    type_: str, name: str, spec: SubtypeSpec
) -> None:
    """What is public is listed here once more, so that a declaration is a decision."""
    url = "https://user:hunter22@host"
    data = {key.replace("*", "x"): url for key in (*spec.keys, "new-key", "What")}
    context = {"note": url, "reason": url, "new": url}
    (measurement,) = redact([Measurement(type_, (Subtype(name, data, context),))]).measurements
    (subtype,) = measurement.subtypes
    is_public = f"{type_}.{name}" in PUBLIC
    assert any("hunter22" in str(value) for value in subtype.data.values()) == is_public
    assert "hunter22" not in subtype.context["reason"]
    assert ("hunter22" in " ".join(subtype.context.values())) == is_public
    assert bool(spec.public) == is_public


def test_what_is_declared_public_is_not_searched() -> None:
    text = {"token": "x|https://user:hunter22@host"}
    measurements = [Measurement("NodeTopology", (Subtype("label", text, {"label.x#1": "a:b"}),))]
    assert redact(measurements).measurements == tuple(measurements)
    patterns = Redaction(KEY, ("NodeTopology.*.token",))
    assert tokens_of(redact(measurements, patterns))


def test_logins_in_keys_are_redacted_and_no_key_is_lost() -> None:
    data = {f"mirrors.https://u:{secret}@m": secret for secret in ("hunter22", "hunter22 ")}
    data["mirrors.password"] = "x"
    snapshot = redact([Measurement("K8s", (Subtype("helm", data),))])
    token = redact_text("hunter22", KEY)
    assert list(data_of(snapshot, "K8s", "helm")) == [
        f"mirrors.https://u:{token}@m",
        "mirrors.https://u:hunter22 @m",
        "mirrors.password",
    ]
    twice = {"https://u:a1@m": "1", "https://u:'a1'@m": "2"}
    snapshot = redact([Measurement("K8s", (Subtype("helm", twice),))])
    assert len(data_of(snapshot, "K8s", "helm")) == 2


def test_each_of_repeated_values_is_redacted() -> None:
    context = {"repeated.password": "hunter22 hunter23", "repeated.console": "tty0 ttyS0"}
    snapshot = redact([Measurement("OS", (Subtype("grub", {}, context),))])
    (measurement,) = snapshot.measurements
    assert measurement.subtypes[0].context == {
        "repeated.password": f"{redact_text('hunter22', KEY)} {redact_text('hunter23', KEY)}",
        "repeated.console": "tty0 ttyS0",
    }


def test_readings_without_time_to_search_them_are_left_out() -> None:
    data = {"a": "x", "b.password": "hunter22", "c": "https://u:p@h", "d": 1, "token": "hunter22"}
    for context in ({}, {"status": "forbidden", "reason": "cannot list secrets"}):
        checks = iter([False, True, True, True])
        subtype = redact_subtype(
            "K8s", Subtype("helm", data, context), REDACTION, REGISTRY, checks.__next__
        )
        assert subtype.data == {"a": "x", "b.password": redact_text("hunter22", KEY), "d": 1}
        reason = "2 readings left out: no time was left to search them for credentials"
        if context:
            reason = f"cannot list secrets; {reason}"
        assert subtype.context == {"status": context.get("status", "partial"), "reason": reason}


def test_a_pattern_redacts_what_it_names_and_its_context() -> None:
    sysctl = {"/proc/sys/kernel/hostname": "gpu-17", "/proc/sys/kernel/panic": "0"}
    context = {"repeated./proc/sys/kernel/hostname": "a\nb", "elapsed-ms": "3", "status": "partial"}
    measurements = [Measurement("OS", (Subtype("sysctl", sysctl, context),))]
    snapshot = redact(measurements, Redaction(KEY, ("OS.sysctl.*hostname",)))
    (sysctl_after,) = snapshot.measurements[0].subtypes
    assert sysctl_after.data == {
        "/proc/sys/kernel/hostname": redact_text("gpu-17", KEY),
        "/proc/sys/kernel/panic": "0",
    }
    assert sysctl_after.context == {
        "repeated./proc/sys/kernel/hostname": redact_text("a\nb", KEY),
        "elapsed-ms": "3",
        "status": "partial",
    }


def test_a_number_or_a_flag_is_left_out_where_a_pattern_names_it() -> None:
    modules = Subtype("kmod", {"nvidia": True, "nvme": True, "xfs": True})
    unit = Subtype("a.service", {"LimitNOFILE": 1024, "Type": "simple"})
    measurements = [Measurement("OS", (modules,)), Measurement("SystemD", (unit,))]
    snapshot = redact(measurements, Redaction(KEY, ("OS.kmod.nv*", "*.LimitNOFILE")))
    modules_after, unit_after = (m.subtypes[0] for m in snapshot.measurements)
    assert (modules_after.data, modules_after.context) == ({"xfs": True}, {"left-out": "2"})
    assert (unit_after.data, unit_after.context) == ({"Type": "simple"}, {"left-out": "1"})
    assert find_redacted(snapshot) == ("OS.kmod", "SystemD.a.service")


@pytest.mark.parametrize("pattern", ["*", "OS.*", "*.panic", "OS.sysctl.panic", "*s*l.pan*"])
def test_a_pattern_may_begin_and_end_with_anything(pattern: str) -> None:
    measurements = [Measurement("OS", (Subtype("sysctl", {"panic": "0"}),))]
    assert tokens_of(redact(measurements, Redaction(KEY, (pattern,))))


@pytest.mark.parametrize("pattern", ["panic", "os.sysctl.panic", "OS.sysctl", "K8s.*", "OS.grub.*"])
def test_a_pattern_is_of_the_whole_path(pattern: str) -> None:
    measurements = [Measurement("OS", (Subtype("sysctl", {"panic": "0"}),))]
    assert not tokens_of(redact(measurements, Redaction(KEY, (pattern,))))


def test_switched_off_it_changes_nothing() -> None:
    measurements = name_secret("hunter22")
    assert redact(measurements, Redaction(KEY, is_on=False)).measurements == tuple(measurements)


def test_each_place_is_named_and_many_are_counted() -> None:
    snapshot = redact([Measurement("OS", (read_command_line("a.token=abcd a.token=bcde"),))])
    assert find_redacted(snapshot) == ("OS.grub.a.token", "OS.grub.context.repeated.a.token")
    assert describe_paths(find_redacted(snapshot)).startswith("OS.grub.a.token,OS.")
    assert describe_paths(["x"] * (MAX_NAMED_PATHS + 1)) == "101"


def test_a_key_is_not_shown() -> None:
    assert "0123" not in repr(REDACTION)
