"""-o to devices, FIFOs, descriptors, links, mounts and full disks, as root and as a user.

Each in a private mount namespace: as root, `-o /dev/null` once replaced the machine's device.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import Build, Shell

# Its own tmpfs in the place of /dev, in a mount namespace.
PRIVATE_DEV = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /dev
mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/full c 1 7; mknod -m 600 /dev/disk b 240 0
mkdir -m 777 /dev/full-disk
mount -t tmpfs -o size=4k,mode=777 tmpfs /dev/full-disk
ln -s /proc/self/fd /dev/fd; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr
set +e
"""
USERS = {
    "root": "",
    "user": "setpriv --reuid 65534 --regid 65534 --clear-groups ",
}


Run = Callable[[str, str], "dict[str, str]"]


@pytest.fixture
def in_namespace(shell: Shell, build: Build, document: Path) -> Run:
    """Return a function that runs a script with a private /dev.

    It returns what the script prints, by the first word of a line; {} is a query that writes JSON.
    """
    # The user cannot enter the directories of the tests.
    copies = f"cp '{build.zipapp}' /dev/program; cp '{document}' /dev/document\n"
    query = "query /dev/document OS -t json"

    def run(user: str, script: str) -> dict[str, str]:
        ended = shell(
            script,
            prefix=("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "-r"),
            before=PRIVATE_DEV + copies,
            program=f"{USERS[user]}{sys.executable} -IB /dev/program {query}",
        )
        assert ended.returncode == 0, ended.stderr
        pairs = (line.partition(" ") for line in ended.stdout.splitlines())
        return {name: rest for name, _, rest in pairs}

    return run


@pytest.mark.parametrize("user", USERS)
def test_special_files_are_written_to_and_stay(in_namespace: Run, user: str) -> None:
    """Each of them in a private mount namespace: as root, -o /dev/null once replaced the device."""
    found = in_namespace(
        user,
        """
        mkfifo -m 666 /dev/fifo; chmod 777 /dev
        {} -o /dev/null;            echo "null $? $(stat -c %F,%t /dev/null)"
        {} -o /dev/full 2>/dev/e;   echo "full $? $(stat -c %F,%t /dev/full) $(sed -n 2p /dev/e)"
        {} -o /dev/disk 2>/dev/e;   echo "disk $? $(stat -c %F /dev/disk) $(sed -n 2p /dev/e)"
        echo >/dev/full-disk/fill
        {} -o /dev/full-disk/x 2>/dev/e; echo "disk2 $? $(ls -A /dev/full-disk) $(sed -n 2p /dev/e)"
        (timeout 20 cat /dev/fifo >/dev/read) & {} -o /dev/fifo; code=$?; wait $!
        echo "fifo $code $(stat -c %F /dev/fifo) $(head -c 1 /dev/read)"
        {} -o >(cat >/dev/read2);   echo "bash $? $(sleep 1; head -c 1 /dev/read2)"
        echo old >/dev/kept
        {} -o /dev/stdout >>/dev/kept; echo "stdout $? $(head -c 5 /dev/kept | tr '\\n' .)"
        {} -o /dev/fd/1 | head -c 1 >/dev/one; echo "pipe $(cat /dev/one)"
        {} -o /dev/stderr 2>/dev/e; echo "stderr $? $(head -c 1 /dev/e)"
        {} -o /dev/stdout >&- 2>/dev/e; echo "closed $? $(sed -n 2p /dev/e)"
        """,
    )
    assert found == {
        "null": "0 character special file,1",
        "full": "8 character special file,1   why: No space left on device",
        "disk": "8 block special file   why: it is a block device",
        "disk2": "8 fill   why: No space left on device",
        "fifo": "0 fifo {",
        "bash": "0 {",
        "stdout": "0 old.{",
        "pipe": "{",
        "stderr": "0 {",
        "closed": "8   why: Bad file descriptor",
    }


@pytest.mark.parametrize("user", USERS)
def test_files_keep_mode_owner_and_links(in_namespace: Run, user: str) -> None:
    found = in_namespace(
        user,
        """
        umask 022; mkdir -m 777 /dev/d; cd /dev/d
        {} -o new.json;        echo "new $? $(stat -c %a new.json)"
        echo old >mode; chown 65534:65534 mode; chmod 646 mode
        {} -o mode;            echo "mode $? $(stat -c %a,%u:%g mode) $(head -c 1 mode)"
        echo old >owner; chown 1:1 owner; chmod 666 owner
        {} -o owner;           echo "owner $? $(stat -c %a,%u:%g owner) $(head -c 1 owner)"
        ln -s mode link
        {} -o link;            echo "link $? $(readlink link)"
        ln -s fresh.json dangling
        {} -o dangling;        echo "dangling $? $(readlink dangling) $(head -c 1 fresh.json)"
        mkdir -m 755 closed; echo longer >closed/f; chmod 666 closed/f
        {} -o closed/f;        echo "closed $? $(head -c 1 closed/f)"
        touch mounted /dev/source; chmod 666 /dev/source; mount --bind /dev/source mounted
        {} -o mounted;         echo "mounted $? $(head -c 1 /dev/source)"
        echo old >read-only; chmod 444 read-only
        {} -o read-only 2>../e; echo "read-only $? $(head -c 1 read-only)"
        ln -s loop loop;
        {} -o loop 2>../e;     echo "loop $? $(sed -n 2p ../e)"
        for pid in 1 $$ $BASHPID; do touch new.json.$pid.part; done
        {} -o new.json;        echo "stale $?"
        echo "left $(ls -A | grep -c '^\\.')"
        """,
    )
    assert found == {
        "new": "0 600",
        "mode": "0 646,65534:65534 {",
        "owner": "0 666,1:1 {",
        "link": "0 mode",
        "dangling": "0 fresh.json {",
        "closed": "0 {",
        "mounted": "0 {",
        "read-only": "0 {" if user == "root" else "8 o",
        "loop": "8   why: Too many levels of symbolic links",
        "stale": "0",
        "left": "0",
    }


def test_a_full_disk_keeps_the_old_file(in_namespace: Run) -> None:
    found = in_namespace(
        "root",
        """
        cd /dev/full-disk; echo old >f
        {} -o f 2>/dev/e;      echo "replaced $? $(cat f) $(ls -A) $(sed -n 2p /dev/e)"
        touch /dev/over; mount --bind f /dev/over
        {} -o /dev/over 2>/dev/e;   echo "over $? $(cat f) $(sed -n 2p /dev/e)"
        """,
    )
    assert found == {
        "replaced": "8 old f   why: No space left on device",
        "over": "8 old   why: No space left on device",
    }
