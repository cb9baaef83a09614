"""The kernel's own words for each value that `diff` ignores, and the settings beside them."""

from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.operating_system.sysctl import SPEC
from kubectl_snapshot.document.patterns import matches_pattern

# In the kernel's repository; versions are those that have the text.
FS = "Documentation/admin-guide/sysctl/fs.rst"
KERNEL = "Documentation/admin-guide/sysctl/kernel.rst"
DEVPTS = "Documentation/filesystems/devpts.rst"
QUOTA = "fs/quota/dquot.c, fs_dqstats_table"
# Path below /proc/sys, source, what it says there.
COUNTERS = [
    ("fs/aio-nr", FS, "asynchronous I/O requests of the whole system at present"),
    ("fs/dentry-state", FS, "dentries allocated, unused, negative"),
    ("fs/file-nr", FS, "file handles allocated, unused, and the limit"),
    ("fs/inode-nr", FS, "the first two numbers of inode-state"),
    ("fs/inode-state", FS, "inodes allocated and free, and whether to free some"),
    ("fs/quota/allocated_dquots", QUOTA, "statistics, mode 0444"),
    ("fs/quota/cache_hits", QUOTA, "statistics, mode 0444"),
    ("fs/quota/drops", QUOTA, "statistics, mode 0444"),
    ("fs/quota/free_dquots", QUOTA, "statistics, mode 0444"),
    ("fs/quota/lookups", QUOTA, "statistics, mode 0444"),
    ("fs/quota/reads", QUOTA, "statistics, mode 0444"),
    ("fs/quota/syncs", QUOTA, "statistics, mode 0444"),
    ("fs/quota/writes", QUOTA, "statistics, mode 0444"),
    ("kernel/hung_task_detect_count", f"{KERNEL} since 6.13", "hung tasks found since boot"),
    ("kernel/hung_task_warnings", KERNEL, "decreased for each hung task; -1 is no limit"),
    ("kernel/msg_next_id", KERNEL, "set back to -1 by the kernel once it is used"),
    ("kernel/ns_last_pid", KERNEL, "the pid that was allocated last"),
    (
        "kernel/perf_event_max_sample_rate",
        f"{KERNEL}, perf_cpu_time_max_percent",
        "lowered by the kernel if samples take too long",
    ),
    ("kernel/pty/nr", DEVPTS, "pseudo terminals at present"),
    ("kernel/random/boot_id", f"{KERNEL} since 5.8", "a UUID made once after boot"),
    ("kernel/random/entropy_avail", f"{KERNEL} since 5.8", "bits in the pool"),
    ("kernel/random/uuid", f"{KERNEL} since 5.8", "a UUID made at each reading"),
    (
        "kernel/sched_domain/*/max_newidle_lb_cost",
        "kernel/sched/debug.c up to 5.12; kernel/sched/fair.c, newidle_balance",
        "the longest load balancing measured, which decays",
    ),
    ("kernel/sem_next_id", KERNEL, "set back to -1 by the kernel once it is used"),
    ("kernel/shm_next_id", KERNEL, "set back to -1 by the kernel once it is used"),
]
SETTINGS = [
    ("fs/aio-max-nr", FS, "the limit of aio-nr"),
    ("fs/file-max", FS, "the limit of file-nr"),
    ("fs/nr_open", FS, "file handles that a process can allocate"),
    ("fs/quota/warnings", QUOTA, "mode 0644"),
    ("kernel/hung_task_check_count", KERNEL, "an upper bound"),
    ("kernel/hung_task_timeout_secs", KERNEL, "seconds before a warning"),
    ("kernel/perf_cpu_time_max_percent", KERNEL, "a hint to the kernel"),
    ("kernel/pty/max", DEVPTS, "the limit of pty/nr"),
    ("kernel/pty/reserve", DEVPTS, "kept for the initial mount namespace"),
    ("kernel/random/urandom_min_reseed_secs", KERNEL, "seconds between reseeding"),
    ("kernel/tainted", KERNEL, "non-zero if something happened to the kernel"),
    ("kernel/sched_domain/cpu0/domain0/busy_factor", "kernel/sched/debug.c up to 5.12", "0644"),
    ("vm/nr_hugepages", "Documentation/admin-guide/mm/hugetlbpage.rst", "pages to keep"),
    ("vm/drop_caches", "Documentation/admin-guide/sysctl/vm.rst", "what was written last"),
]
# Counters of kernels before 3.10, the oldest that Kubernetes ran on: fs/dquot-nr and fs/super-nr
# (Documentation/sysctl/fs.txt has them, the tables in kernel/sysctl.c of 2.6.12 do not),
# kernel/rtsig-nr (removed in 2.6.8, signal(7)), vm/nr_pdflush_threads (vm.txt: obsolete since
# 2.6.32, where it does not move any more).


def is_ignored(path: str) -> bool:
    return any(matches_pattern(f"/proc/sys/{path}", key.key) for key in SPEC.volatile)


def test_every_ignored_value_moves_by_itself_in_the_kernels_words() -> None:
    assert [key.key for key in SPEC.volatile] == [f"/proc/sys/{path}" for path, _, _ in COUNTERS]


@pytest.mark.parametrize("path", [path for path, _, _ in SETTINGS])
def test_a_setting_beside_a_counter_is_compared(path: str) -> None:
    assert not is_ignored(path)


def test_scheduler_domains_of_every_cpu_are_ignored() -> None:
    assert is_ignored("kernel/sched_domain/cpu7/domain1/max_newidle_lb_cost")
