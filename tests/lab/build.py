"""Install Debian packages; build Go binaries and the fake GPU driver. Images: images.py.

Results are cached outside the checkout and rebuilt only if they are missing or stale.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.lab.machine import say

KUBERNETES = os.environ.get("SNAPSHOT_LAB_KUBERNETES") or "v1.34.4"
ETCD = "v3.6.16"
KWOK = "v0.8.0"
HELM = "v3.22.0"
KREW = "v0.4.4"
NFPM = "v2.43.0"
ACTIONLINT = "v1.7.12"

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "kubectl-snapshot-lab"
    / KUBERNETES
)
BIN, GPU = CACHE / "bin", CACHE / "gpu"

PACKAGES = (
    "containerd",
    "runc",
    "containernetworking-plugins",
    "ethtool",
    "iproute2",
    "iptables",
    "busybox-static",
    "openssl",
    "systemd",
    "dbus",
    "util-linux",
    "procps",
    "gcc",
    "libc6-dev",
    "libc-bin",
    "python3.11",
    "python3.11-minimal",
    "libpython3.11-stdlib",
)

KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kubectl",
)
PROGRAMS = (*KUBERNETES_PROGRAMS, "etcd", "kwok")


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """Lock the cache: one build at a time, also of several checkouts."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another build in {CACHE}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if not (BIN / name).exists()]


def is_current(out: Path, recipe: bytes) -> bool:
    """Return whether `out` was built by this recipe, whose digest is stored next to it.

    Time stamps do not work: in a fresh clone every source is newer than the cache.
    """
    stamp = out.with_name(out.name + ".recipe")
    return (
        out.exists() and stamp.exists() and stamp.read_text() == hashlib.sha256(recipe).hexdigest()
    )


def mark_current(out: Path, recipe: bytes) -> None:
    out.with_name(out.name + ".recipe").write_text(hashlib.sha256(recipe).hexdigest())


def install_packages() -> None:
    missing = missing_packages()
    if not missing:
        return
    say("apt-get install " + " ".join(missing))
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing]
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    if subprocess.run(install, env=environment, stdout=subprocess.DEVNULL).returncode:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(install, env=environment, stdout=subprocess.DEVNULL, check=True)


def missing_packages() -> list[str]:
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *PACKAGES]
    shown = subprocess.run(query, capture_output=True, text=True).stdout
    have = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    return [package for package in PACKAGES if package not in have]


def build_kubectl() -> None:
    """Build kubectl alone."""
    _build_kubernetes(("kubectl",))


def build_binaries(helm: bool = False) -> None:
    _build_kubernetes(KUBERNETES_PROGRAMS)
    go_build("etcd", "go.etcd.io/etcd/server/v3", ETCD, {"etcd": "go.etcd.io/etcd/server/v3"})
    go_build("kwok", "sigs.k8s.io/kwok", KWOK, {"kwok": "sigs.k8s.io/kwok/cmd/kwok"})
    if helm:
        build_helm()


def _build_kubernetes(names: tuple[str, ...]) -> None:
    kube = "k8s.io/kubernetes"
    version = "k8s.io/component-base/version"
    stamp = (
        f"-X {version}.gitVersion={KUBERNETES} -X {version}.gitMajor=1"
        f" -X {version}.gitMinor={KUBERNETES.split('.')[1]}"
        f" -X k8s.io/client-go/pkg/version.gitVersion={KUBERNETES}"
    )
    programs = {name: f"{kube}/cmd/{name}" for name in names}
    go_build("kube", kube, KUBERNETES, programs, ldflags=stamp, replace_staging=True)


def build_helm() -> None:
    """Build Helm."""
    go_build("helm", "helm.sh/helm/v3", HELM, {"helm": "helm.sh/helm/v3/cmd/helm"})


def build_krew() -> None:
    """Build krew and the manifest validator of its index."""
    krew = "sigs.k8s.io/krew"
    names = ("krew", "validate-krew-manifest")
    go_build("krew", krew, KREW, {name: f"{krew}/cmd/{name}" for name in names})


def build_nfpm() -> None:
    """Build nfpm, which makes the Debian and RPM packages of a release."""
    nfpm = "github.com/goreleaser/nfpm/v2"
    go_build("nfpm", nfpm, NFPM, {"nfpm": f"{nfpm}/cmd/nfpm"})


def build_actionlint() -> None:
    """Build actionlint, which checks workflows of GitHub."""
    actionlint = "github.com/rhysd/actionlint"
    go_build("actionlint", actionlint, ACTIONLINT, {"actionlint": f"{actionlint}/cmd/actionlint"})


def go_build(
    name: str,
    module: str,
    version: str,
    packages: dict[str, str],
    ldflags: str = "",
    replace_staging: bool = False,
) -> None:
    """Build main packages of a published module with the dependencies of its go.mod."""
    wanted = {
        program: package for program, package in packages.items() if not (BIN / program).exists()
    }
    if not wanted:
        return
    say(f"go build {' '.join(wanted)} ({module}@{version})")
    work = CACHE / "build" / name
    work.mkdir(parents=True, exist_ok=True)
    goversion = go("env", "GOVERSION", cwd=work).strip().split()[0][len("go") :]
    (work / "go.mod").write_text(
        f"module lab/{name}\n\ngo {goversion}\n\nrequire {module} {version}\n"
    )
    if replace_staging:
        replace_staging_libraries(module, version, work)
    BIN.mkdir(parents=True, exist_ok=True)
    for program, package in wanted.items():
        part = BIN / f".{program}.part"
        go("build", "-ldflags", "-s -w " + ldflags, "-o", str(part), package, cwd=work)
        part.rename(BIN / program)


def replace_staging_libraries(module: str, version: str, work: Path) -> None:
    """Replace a module's ./staging/ libraries, missing in the published module, by their releases.

    The same code is published as k8s.io/LIBRARY v0.MINOR.PATCH.
    """
    gomod = json.loads(go("mod", "download", "-json", f"{module}@{version}", cwd=work))["GoMod"]
    lines = Path(gomod).read_text().splitlines()
    libraries = [line.split()[0] for line in lines if "=> ./staging/" in line]
    published = "v0." + version[len("v1.") :]
    replaced = []
    for library in libraries:
        path = f"{library}@{published}"
        if library.startswith("k8s.io/sample-"):
            # In go.mod but never built, and missing on some module proxies.
            path = f"./empty/{library}"
            (work / path).mkdir(parents=True, exist_ok=True)
            (work / path / "go.mod").write_text(f"module {library}\n")
        replaced.append(f"-replace={library}={path}")
    go("mod", "edit", *replaced, cwd=work)


def go(*argv: str, cwd: Path) -> str:
    # The caller's GOWORK and GOFLAGS must not affect the build.
    flags = "-mod=mod -trimpath -buildvcs=false"
    environment = dict(os.environ, GOWORK="off", GOFLAGS=flags, CGO_ENABLED="0")
    done = subprocess.run(
        ["go", *argv], cwd=cwd, env=environment, check=True, text=True, stdout=subprocess.PIPE
    )
    return done.stdout


def build_gpu_driver() -> None:
    library = ("-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-ldl")
    compile_c(HERE / "src/fake-nvml.c", GPU / "libnvidia-ml.so.1", *library)
    compile_c(HERE / "src/nvidia-smi.c", GPU / "nvidia-smi", "-ldl")


def compile_c(source: Path, out: Path, *flags: str) -> None:
    recipe = source.read_bytes() + repr(flags).encode()
    if is_current(out, recipe):
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    argv = ["gcc", "-O2", "-Wall", "-Wextra", "-o", str(part), str(source), *flags]
    subprocess.run(argv, check=True)
    part.rename(out)
    mark_current(out, recipe)
