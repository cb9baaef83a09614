"""Versions of libraries and tools by the names of their files."""

from __future__ import annotations

from pathlib import Path

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.driver.collector import collect
from kubectl_snapshot.collectors.driver.libraries import find_versions
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.snapshot import Subtype

NAMES = """libcuda.so libcuda.so.1 libcuda.so.570.124.06 libnccl.so.2 libnccl.so.2.26.2
libnccl.so.2.18.5 libgdrapi.so.2.4 libibverbs.so.1.14.48.0 libmlx5.so.1.24.48.0 libcudart.so.12.8.90
libnccl-net.so.0.0.0 libc.so.6.1 libcudafoo.so.1.2 xlibcuda.so.1.2 libnccl_static.a
libcuda.so.x.1""".split()


def read(root: Path, *paths: str, **files: str) -> Subtype:
    (root / "etc").mkdir(exist_ok=True)
    for path in paths:
        (root / path).mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return {s.name: s for s in collect(Context(HostPath(str(root))))}["libraries"]


def test_versions_are_those_of_files_with_a_whole_version() -> None:
    assert sorted(find_versions(NAMES)) == [
        ("libcuda", "570.124.06"),
        ("libcudart", "12.8.90"),
        ("libgdrapi", "2.4"),
        ("libibverbs", "1.14.48.0"),
        ("libmlx5", "1.24.48.0"),
        ("libnccl", "2.18.5"),
        ("libnccl", "2.26.2"),
        ("libnccl-net", "0.0.0"),
    ]


def test_all_sources_of_a_node(tmp_path: Path) -> None:
    (tmp_path / "etc/alternatives").mkdir(parents=True)
    (tmp_path / "etc/alternatives/cuda").symlink_to("/usr/local/cuda-12.8")
    (tmp_path / "usr/local").mkdir(parents=True)
    (tmp_path / "usr/local/cuda").symlink_to("/etc/alternatives/cuda")
    library = "usr/lib/x86_64-linux-gnu"
    found = read(
        tmp_path,
        *(
            "usr/local/cuda-12.8",
            "usr/local/cuda-12.4",
            "usr/share/doca-host-3.1.0-0910-ubuntu2404",
        ),
        **{
            f"{library}/libnccl.so.2.26.2": "",
            "usr/lib64/libnccl.so.2.18.5": "",
            "usr/local/lib/libcuda.so.570.1": "",
            "usr/bin/ofed_info": '#!/bin/bash\n-s) echo "MLNX_OFED_LINUX-23.10-0.5.5.0:" ;;\n',
            "opt/mellanox/doca/applications/VERSION": "2.9.0083\n",
        },
    )
    assert found == Subtype(
        "libraries",
        {
            "cuda-toolkits": "12.4,12.8",
            "cuda-default": "12.8",
            "ofed": "MLNX_OFED_LINUX-23.10-0.5.5.0",
            "doca-host": "3.1.0-0910-ubuntu2404",
            "doca": "2.9.0083",
            "libcuda": "570.1",
            "libnccl": "2.18.5,2.26.2",
        },
    )


def test_a_linked_directory_is_listed_once_and_without_any_it_is_absent(tmp_path: Path) -> None:
    assert (
        read(tmp_path, "usr/lib", "usr/local/cuda", **{"usr/bin/ofed_info": "x"}).status == "absent"
    )
    (tmp_path / "usr/lib64").symlink_to("lib")
    assert read(tmp_path, **{"usr/lib/libefa.so.1.3": ""}).data == {"libefa": "1.3"}
