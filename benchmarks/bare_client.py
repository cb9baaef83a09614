"""Baseline of a capture: a minimal client that runs a file in a pod and reads its output.

It creates a ConfigMap and a Job, watches the pod, follows its log, and deletes both, over one
keep-alive connection and a second one for the watch, with the standard library only. It checks no
permission, and if it dies its objects are orphaned. A script, so that only its own imports count:
`python -I -S bare_client.py KUBECONFIG NAMESPACE NODE IMAGE FILE`.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import sys
import tempfile

WORD = "collected"


class Client:
    """Client of the cluster in a self-contained JSON kubeconfig."""

    def __init__(self, kubeconfig: str) -> None:
        with open(kubeconfig, encoding="utf-8") as file:
            config = json.load(file)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.address = cluster["server"].split("://")[1].rstrip("/")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.tls.load_verify_locations(cadata=authority)
        self.headers = {"Content-Type": "application/json"}
        if "token" in user:
            self.headers["Authorization"] = f"Bearer {user['token']}"
        else:
            load_client_certificate(self.tls, user)
        self.kept = self.connect()

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.address, context=self.tls, timeout=60)

    def open(
        self, connection: http.client.HTTPSConnection, method: str, path: str, body: object = None
    ) -> http.client.HTTPResponse:
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, self.headers)
        answer = connection.getresponse()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {answer.read().decode()}")
        return answer

    def send(self, method: str, path: str, body: object) -> None:
        self.open(self.kept, method, path, body).read()


def load_client_certificate(tls: ssl.SSLContext, user: dict[str, str]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        for key in ("client-certificate-data", "client-key-data"):
            file.write(base64.b64decode(user[key]) + b"\n")
        file.flush()
        tls.load_cert_chain(file.name)


def main(kubeconfig: str, namespace: str, node: str, image: str, carried: str) -> None:
    client = Client(kubeconfig)
    name = f"bare-{os.getpid()}"
    core, jobs = f"/api/v1/namespaces/{namespace}", f"/apis/batch/v1/namespaces/{namespace}/jobs"
    client.send("POST", f"{core}/configmaps", build_config_map(name, carried))
    client.send("POST", jobs, build_job(name, node, image))
    pod = wait_for_container(client, core, name)
    log = client.open(client.kept, "GET", f"{core}/pods/{pod}/log?follow=true").read().decode()
    goodbye = {"propagationPolicy": "Background"}
    client.send("DELETE", f"{jobs}/{name}", goodbye)
    client.send("DELETE", f"{core}/configmaps/{name}", goodbye)
    if log.strip() != WORD:
        sys.exit(f"the log says {log!r}")


def wait_for_container(client: Client, core: str, name: str) -> str:
    """Return the name of the Job's pod once its container has started."""
    query = f"watch=true&timeoutSeconds=60&labelSelector=job-name%3D{name}"
    for line in client.open(client.connect(), "GET", f"{core}/pods?{query}"):
        pod = json.loads(line)["object"]
        states = [status["state"] for status in pod["status"].get("containerStatuses", [])]
        if any("running" in state or "terminated" in state for state in states):
            return str(pod["metadata"]["name"])
    sys.exit("the container did not start within 60 s")


def build_config_map(name: str, carried: str) -> dict[str, object]:
    with open(carried, "rb") as file:
        content = base64.b64encode(file.read()).decode("ascii")
    return {"metadata": {"name": name}, "immutable": True, "binaryData": {"file": content}}


def build_job(name: str, node: str, image: str) -> dict[str, object]:
    container = {
        "name": "bare",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-I", "-S", "-c", f"print({WORD!r})"],
        "volumeMounts": [{"name": "carried", "mountPath": "/carried"}],
    }
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "nodeSelector": {"kubernetes.io/hostname": node},
        "containers": [container],
        "volumes": [{"name": "carried", "configMap": {"name": name}}],
    }
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}


if __name__ == "__main__":
    main(*sys.argv[1:])
