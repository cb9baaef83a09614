"""The client on macOS, as far as Linux can show it: no call that macOS lacks is unguarded.

The names below are those that CPython's documentation says are of Linux only, or not of macOS.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers import certificates
from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "kubectl_snapshot"
LINUX_ONLY = {
    "os": """memfd_create posix_fallocate posix_fadvise sched_getaffinity sched_setaffinity
        pidfd_open setns unshare eventfd splice copy_file_range getxattr setxattr listxattr
        removexattr fdatasync getresuid getresgid setresuid setresgid pipe2 getrandom preadv2
        O_TMPFILE O_PATH O_DIRECT O_NOATIME timerfd_create""",
    "signal": "sigwaitinfo sigtimedwait pidfd_send_signal SIGPWR SIGRTMIN SIGRTMAX SIGPOLL SIGCLD",
    "socket": """AF_NETLINK AF_PACKET AF_VSOCK SO_BINDTODEVICE SO_PEERCRED SO_MARK SOCK_CLOEXEC
        SOCK_NONBLOCK TCP_KEEPIDLE TCP_USER_TIMEOUT TCP_CORK TCP_QUICKACK MSG_NOSIGNAL""",
    "select": "epoll",
    "selectors": "EpollSelector",
    "resource": "prlimit RLIMIT_RTTIME",
    "time": "CLOCK_BOOTTIME CLOCK_TAI",
    "fcntl": "F_ADD_SEALS F_GET_SEALS F_SETPIPE_SZ",
    "ssl": "HAS_NEVER_CHECK_COMMON_NAME",  # LibreSSL, with which some macOS Pythons are built
}
# What runs on a node only.
NODE_ONLY = ("clients/gpu", "clients/host", "collectors", "job/bootstrap.py", "agent/entrypoint.py")
# Each use in the client, and its guard.
USES = {
    ("clients/auth/tls.py", "os.memfd_create"): "except AttributeError: a temporary file",
    ("clients/auth/tls.py", "ssl.HAS_NEVER_CHECK_COMMON_NAME"): "it is the guard",
    ("clients/files/outputfile.py", "os.posix_fallocate"): "hasattr",
}
# Files of Linux that the client opens, and what happens without them.
FILES = {
    ("clients/auth/kubeconfig.py", "/var/run/secrets/kubernetes.io/serviceaccount"): "no pod",
    ("clients/auth/tls.py", "/proc/self/fd/"): "a temporary file",
    ("clients/auth/tls.py", "/proc/"): "a temporary file",
    ("commands/completion/answer.py", "/proc/"): "SHELL",
}
MODULES = ("ctypes", "resource", "pwd", "grp")


def client_files() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if not name.startswith(NODE_ONLY):
            yield name, ast.parse(path.read_text())


def test_each_call_that_macos_lacks_is_known_and_guarded() -> None:
    found = {
        (name, f"{node.value.id}.{node.attr}")
        for name, tree in client_files()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr in LINUX_ONLY.get(node.value.id, "").split()
    }
    assert found == set(USES)


def test_each_file_that_macos_lacks_is_known() -> None:
    opened = ("/proc", "/sys/", "/run/", "/var/run", "/dev/shm")
    found = {
        (name, node.value)
        for name, tree in client_files()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith(opened)
        and not name.startswith(("document/", "render/"))  # text, nothing is opened
    }
    assert found == set(FILES)


def test_no_module_is_imported_that_macos_may_lack() -> None:
    for name, tree in client_files():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert not {module.partition(".")[0] for module in names} & {*MODULES}, name


# Runs command lines in a Python that lacks all of this, as on macOS, with LibreSSL's limits.
SIMULATION = """
import builtins, importlib, json, os, ssl, sys, types
# What macOS has in its place: the system's proxy settings.
scproxy = sys.modules["_scproxy"] = types.ModuleType("_scproxy")
scproxy._get_proxy_settings = scproxy._get_proxies = lambda: {}
sys.platform = "darwin"
for module, names in json.loads(sys.argv[1]).items():
    module = importlib.import_module(module)
    for name in names.split():
        if hasattr(module, name) and module is not ssl:
            delattr(module, name)
ssl.HAS_NEVER_CHECK_COMMON_NAME = False
ssl.OPENSSL_VERSION = "LibreSSL 2.8.3"
ssl.SSLContext.hostname_checks_common_name = property(lambda self: True)
real = builtins.open
def open(path, *more, **options):
    if str(path).startswith(("/proc", "/sys")):
        raise FileNotFoundError(2, "No such file or directory", path)
    return real(path, *more, **options)
builtins.open = open
real_exists = os.path.exists
os.path.exists = lambda path: not str(path).startswith("/proc") and real_exists(path)
from kubectl_snapshot.main import main
codes = []
for words in json.loads(sys.argv[2]):
    codes.append(main(words))
    sys.stdout.flush()
print()
print(json.dumps(codes))
"""


def test_the_clients_verbs_run_without_linux(tmp_path: Path) -> None:
    authority = certificates.make_authority(tmp_path)
    certificate = certificates.sign(authority, tmp_path, "server", "/CN=server")
    ann = certificates.sign(authority, tmp_path, "ann", "/CN=ann", "extendedKeyUsage=clientAuth")
    user = {"client-certificate": str(ann.certificate), "client-key": str(ann.key)}

    def answer(exchange: Exchange) -> None:
        exchange.send(200, {"gitVersion": "v1.34.4", "items": [], "metadata": {}})

    one, other = (str(ROOT / f"docs/examples/snapshots/gpu-{n}.yaml") for n in (17, 23))
    output = tmp_path / "out.yaml"
    output.write_text("old")
    # Its directory takes no new file, so it is overwritten in place.
    fleet = tmp_path / "fleet"
    with serve(answer, certificate) as server:
        cluster = {"server": server.url, "certificate-authority": str(tmp_path / "ca.crt")}
        path = write_kubeconfig(tmp_path / "kubeconfig", cluster, user)
        lines: dict[tuple[str, ...], int] = {
            ("version", "--kubeconfig", path): 0,
            ("cleanup", "--dry-run", "--kubeconfig", path): 0,
            ("rbac",): 0,
            ("schema",): 0,
            ("completion", "zsh"): 0,
            ("diff", one, other): 1,
            ("check", one, "-c", "OS.release.ID != x"): 0,
            ("query", one, "OS.release.ID"): 0,
            ("findings", one): 0,
            ("report", one, "-o", str(tmp_path / "report.html")): 0,
            ("convert", one, "-o", str(output)): 0,
            ("convert", one, "-o", "/dev/stdout"): 0,
            ("convert", one, "-o", "/dev/null"): 0,
            ("preflight", "--timeout", "1s", "--kubeconfig", path): 3,
            ("--all-nodes", "--timeout", "1s", "-o", f"{fleet}/", "--kubeconfig", path): 3,
            ("--timeout", "1s", "--kubeconfig", path): 3,
            ("--local",): 2,
            ("collect",): 2,
        }
        command = [sys.executable, "-c", SIMULATION, json.dumps(LINUX_ONLY), json.dumps([*lines])]
        env = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout.splitlines()[-1]) == [*lines.values()], done.stderr
    assert "Traceback" not in done.stderr
    assert "LibreSSL" not in done.stderr
    assert "only Linux can be captured locally" in done.stderr
