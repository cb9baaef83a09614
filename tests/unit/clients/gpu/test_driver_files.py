"""The driver's files in host trees as distributions, the GPU Operator and clouds lay them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.gpu.driver_files import (
    DriverFiles,
    KernelModule,
    find_driver,
    read_fabric_manager_version,
    read_kernel_module,
)
from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.errors import Internal, InvalidRequest
from tests.unit.gpus import add_kernel_module

PACKAGES = "/var/lib/dpkg/status"
LIBRARY = "libnvidia-ml.so.1"
PROPRIETARY = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC\n"
)
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  595.71.05  Release Build\n"


def add_file(root: Path, path: str) -> Path:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch()
    return target


def find(root: Path, machine: str = "x86_64") -> DriverFiles:
    return find_driver(HostPath(str(root)), machine)


@pytest.mark.parametrize(
    ("machine", "path"),
    [
        ("x86_64", "/usr/lib/x86_64-linux-gnu"),
        ("aarch64", "/usr/lib/aarch64-linux-gnu"),
        ("x86_64", "/usr/lib64"),
        ("x86_64", "/usr/lib/nvidia/tesla"),
        ("x86_64", "/run/opengl-driver/lib"),
        ("x86_64", "/usr/lib/wsl/lib"),
        ("x86_64", "/usr/lib/x86_64-linux-gnu/nvidia/current"),
        ("x86_64", "/run/nvidia/driver/usr/lib/x86_64-linux-gnu"),
        ("x86_64", "/home/kubernetes/bin/nvidia/lib64"),
        ("x86_64", "/usr/local/nvidia/lib64"),
        ("x86_64", "/opt/nvidia/lib64"),
        ("aarch64", "/aarch64-bottlerocket-linux-gnu/sys-root/usr/lib/nvidia/tesla"),
    ],
)
def test_the_library_is_found_in_each_known_directory(
    tmp_path: Path, machine: str, path: str
) -> None:
    library = add_file(tmp_path, f"{path}/{LIBRARY}")
    assert find(tmp_path, machine).library == str(library)


def test_the_nodes_own_library_comes_before_the_driver_containers(tmp_path: Path) -> None:
    add_file(tmp_path, f"/run/nvidia/driver/usr/lib64/{LIBRARY}")
    own = add_file(tmp_path, f"/usr/lib64/{LIBRARY}")
    assert find(tmp_path).library == str(own)


def test_links_stay_in_the_tree_and_the_version_is_the_targets(tmp_path: Path) -> None:
    real = add_file(tmp_path, f"/usr/lib/nvidia/{LIBRARY[:-1]}570.195.03")
    (tmp_path / "etc/alternatives").mkdir(parents=True)
    (tmp_path / "etc/alternatives/nvml").symlink_to(f"/usr/lib/nvidia/{real.name}")
    (tmp_path / "usr/lib64").mkdir(parents=True)
    (tmp_path / "usr/lib64" / LIBRARY).symlink_to("/etc/alternatives/nvml")
    found = find(tmp_path)
    assert (found.library, found.library_version) == (str(real), "570.195.03")


def test_links_of_a_driver_container_start_from_its_own_root(tmp_path: Path) -> None:
    driver = tmp_path / "run/nvidia/driver"
    real = add_file(driver, f"/usr/lib/{LIBRARY}.570")
    (driver / "usr/lib64").mkdir()
    (driver / "usr/lib64" / LIBRARY).symlink_to(f"/usr/lib/{real.name}")
    assert find(tmp_path).library == str(real)


def test_program_loader_and_library_directories_are_found(tmp_path: Path) -> None:
    program = add_file(tmp_path, "/run/nvidia/driver/usr/bin/nvidia-smi")
    loader = add_file(tmp_path, "/lib64/ld-linux-x86-64.so.2")
    add_file(tmp_path, f"/run/nvidia/driver/usr/lib64/{LIBRARY}")
    found = find(tmp_path)
    assert (found.program, found.loader) == (str(program), str(loader))
    expected = (str(tmp_path / "lib64"), str(tmp_path / "run/nvidia/driver/usr/lib64"))
    assert set(found.library_directories) >= set(expected)
    assert all(Path(directory).is_dir() for directory in found.library_directories)


def test_the_run_directory_of_nvidia_persistenced_is_found(tmp_path: Path) -> None:
    assert find(tmp_path).run_directory == ""
    add_file(tmp_path, "/run/nvidia/driver/run/nvidia-persistenced/socket")
    assert find(tmp_path).run_directory == str(tmp_path / "run/nvidia/driver/run")
    add_file(tmp_path, "/run/nvidia-persistenced/socket")
    assert find(tmp_path).run_directory == str(tmp_path / "run")


def test_without_the_nodes_files_nothing_is_found() -> None:
    found = find_driver(HostPath(None), "x86_64")
    assert found == DriverFiles()
    assert (found.library, found.library_version, found.program, found.loader) == ("",) * 4
    assert (found.library_directories, found.run_directory) == ((), "")


@pytest.mark.parametrize("directory", ["/usr/bin", "/bin", "/usr/local/bin", "/usr/lib/wsl/lib"])
def test_nvidia_smi_is_found_in_each_known_directory(tmp_path: Path, directory: str) -> None:
    program = add_file(tmp_path, f"{directory}/nvidia-smi")
    assert find(tmp_path).program == str(program)
    assert find(tmp_path).library == find(tmp_path).library_version == ""


def test_a_machine_of_unknown_architecture_has_no_loader(tmp_path: Path) -> None:
    assert find(tmp_path, "riscv64").loader == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (OPEN, KernelModule("595.71.05", "open")),
        (PROPRIETARY, KernelModule("535.183.01", "proprietary")),
        ("something else\n", KernelModule("", "")),
    ],
)
def test_a_loaded_module_has_version_and_flavor(
    tmp_path: Path, words: str, expected: KernelModule
) -> None:
    add_kernel_module(tmp_path, words)
    assert read_kernel_module(HostPath(str(tmp_path))) == expected


def test_a_module_that_is_not_loaded_is_none(tmp_path: Path) -> None:
    (tmp_path / "proc/sys").mkdir(parents=True)
    assert read_kernel_module(HostPath(str(tmp_path))) is None


def stanza(name: str, version: str = "580.105.08-1", status: str = "install ok installed") -> str:
    """Return a package as dpkg 1.22 writes it in /var/lib/dpkg/status."""
    return (
        f"Package: {name}\nStatus: {status}\nPriority: optional\nSection: multiverse/libs\n"
        f"Installed-Size: 15000\nArchitecture: amd64\nVersion: {version}\n"
        "Depends: libc6 (>= 2.34.1)\nDescription: Fabric Manager\n .\n more\n"
    )


@pytest.mark.parametrize(
    ("packages", "version"),
    [
        ((stanza("nvidia-fabricmanager-535", "535.183.01-0ubuntu0.22.04.1"),), "535.183.01"),
        (
            (stanza("adduser", "3.137"), stanza("nvidia-fabricmanager", "1:580.65.06-1")),
            "580.65.06",
        ),
        ((stanza("nvidia-fabricmanager-dev-535"), stanza("cuda-drivers-fabricmanager-535")), ""),
        ((stanza("nvidia-fabricmanager-dev"), stanza("libnvidia-nscq-535")), ""),
        (
            (
                stanza("nvidia-fabricmanager-535", "535.1.1-1", "deinstall ok config-files"),
                stanza("nvidia-fabricmanager-580", "580.105.08-1"),
            ),
            "580.105.08",
        ),
        (
            (
                stanza("nvidia-fabricmanager-535", status="deinstall ok config-files"),
                stanza("adduser", "3.137"),
            ),
            "",
        ),
        ((stanza("nvidia-fabricmanager", "unknown"),), ""),
        ((), ""),
    ],
)
def test_the_installed_fabric_manager_has_a_version(
    tmp_path: Path, packages: tuple[str, ...], version: str
) -> None:
    add_file(tmp_path, PACKAGES).write_text("\n".join(packages))
    assert read_fabric_manager_version(HostPath(str(tmp_path))) == version


def test_a_fabric_manager_in_the_driver_container_is_found(tmp_path: Path) -> None:
    container = "/run/nvidia/driver"
    add_file(tmp_path, f"{container}{PACKAGES}").write_text(stanza("nvidia-fabricmanager-580"))
    host = HostPath(str(tmp_path))
    assert read_fabric_manager_version(host) == "580.105.08"
    # A node whose own database has none looks further.
    add_file(tmp_path, PACKAGES).write_text(stanza("adduser", "3.137"))
    assert read_fabric_manager_version(host) == "580.105.08"


def test_without_a_package_database_no_fabric_manager_is_known(tmp_path: Path) -> None:
    add_file(tmp_path, "/etc/os-release")
    assert read_fabric_manager_version(HostPath(str(tmp_path))) == ""
    assert read_fabric_manager_version(HostPath(None)) == ""


def test_a_package_database_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    database = add_file(tmp_path, PACKAGES)
    with database.open("wb") as file:
        file.truncate(32 * 1024 * 1024 + 1)
    with pytest.raises(InvalidRequest, match="status"):
        read_fabric_manager_version(HostPath(str(tmp_path)))
    database.unlink()
    database.mkdir()
    with pytest.raises(Internal, match="not a regular file"):
        read_fabric_manager_version(HostPath(str(tmp_path)))
