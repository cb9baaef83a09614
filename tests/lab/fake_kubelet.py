"""Serve `kubectl logs` for all fake nodes: python -m tests.lab.fake_kubelet LOGS CERT KEY.

Each fake node has its own address, local to this network namespace; the destination address of a
connection identifies the node. The text of a log is the first existing file in LOGS of these:

    NAMESPACE_POD_CONTAINER.log    NODE.log    NODE.json    default.json    default.log

with {node}, {namespace}, {pod} and {container} replaced. A .json is an agent's document: its log is
the frame of the run that the pod's name has. NODE.fault injects a fault into a node:
`status CODE`, `hang`, `cut` (half the text, then a broken connection) or `slow SECONDS`. Files are
read on each request.
"""

from __future__ import annotations

import functools
import http.server
import socket
import ssl
import sys
import threading
import urllib.parse
from pathlib import Path
from typing import Any

from kubectl_snapshot.job.frame.encode import encode_frame
from tests.lab import fake_nodes


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    logs = Path()

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        node = fake_nodes.name_of(self.connection.getsockname()[0])
        url = urllib.parse.urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        if parts[0] != "containerLogs" or len(parts) != 4:
            return self.reply(404, b"only /containerLogs is served\n")
        fault, *argument = (self.read(f"{node}.fault") or "none").split()
        if fault == "status":
            return self.reply(int(argument[0]), b"injected fault\n")
        if fault in ("hang", "slow"):
            threading.Event().wait(float(argument[0]) if argument else 3600)
        text = self.find_text(node, *parts[1:])
        if text is None:
            return self.reply(404, f"no log file for {node}\n".encode())
        body = cut_to_query(text, dict(urllib.parse.parse_qsl(url.query)))
        self.reply(200, body, is_cut=fault == "cut")

    def find_text(self, node: str, namespace: str, pod: str, container: str) -> str | None:
        names = (f"{namespace}_{pod}_{container}.log", f"{node}.log")
        text = next((text for text in map(self.read, names) if text is not None), None)
        if text is None:
            documents = (self.logs / f"{node}.json", self.logs / "default.json")
            document = next((path for path in documents if path.exists()), None)
            if document is not None:
                return render_frame(document, document.stat().st_mtime_ns, find_run_id(pod))
            text = self.read("default.log")
        if text is None:
            return None
        values = {"node": node, "namespace": namespace, "pod": pod, "container": container}
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        return text

    def read(self, name: str) -> str | None:
        try:
            return (self.logs / name).read_text()
        except OSError:
            return None

    def reply(self, status: int, body: bytes, is_cut: bool = False) -> None:
        """Send the response; `is_cut` sends half of the body and closes the connection."""
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut else body)
        if is_cut:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 4096

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(("0.0.0.0", fake_nodes.KUBELET_PORT), Handler)
        self.tls = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the connection's own thread, so that a slow handshake does not block the others.
        request.settimeout(30)
        with self.tls.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)


def find_run_id(pod: str) -> str:
    """Return the run id in the name of a fleet's pod: kubectl-snapshot-RUN-INDEX[-RANDOM]."""
    return pod[len("kubectl-snapshot-") :].partition("-")[0]


@functools.lru_cache(maxsize=256)
def render_frame(path: Path, changed: int, run_id: str) -> str:
    """Return the log of an agent whose document is in a file; encoded once a run."""
    return "".join(f"{line}\n" for line in encode_frame(path.read_bytes(), run_id))


def cut_to_query(text: str, query: dict[str, str]) -> bytes:
    if "tailLines" in query:
        lines = text.splitlines(keepends=True)
        text = "".join(lines[max(0, len(lines) - int(query["tailLines"])) :])
    body = text.encode()
    return body[: int(query["limitBytes"])] if "limitBytes" in query else body


def main() -> None:
    logs, certificate, key = sys.argv[1:]
    threading.stack_size(256 * 1024)
    Handler.logs = Path(logs)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    Server(tls).serve_forever()


if __name__ == "__main__":
    main()
