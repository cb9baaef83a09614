"""Declarations of the subtypes of OS that AICR does not have, in the document's order."""

from __future__ import annotations

from kubectl_snapshot.document.registry import (
    EVERY_KEY,
    HEALTH,
    STRING,
    UNSET,
    VERSION,
    IgnoredKey,
    SubtypeSpec,
    TellingKeys,
)

FILLS = "fills and empties while the node runs"
SPECS = (
    SubtypeSpec("cgroup", values=STRING, public=EVERY_KEY),
    SubtypeSpec("kernel-config", values=STRING, public=EVERY_KEY, missing=UNSET),
    SubtypeSpec("taint", public=EVERY_KEY, missing=UNSET),
    SubtypeSpec("livepatch", public=EVERY_KEY),
    SubtypeSpec("security", public=EVERY_KEY),
    SubtypeSpec("memory", public=EVERY_KEY),
    SubtypeSpec("limits", values=STRING, public=EVERY_KEY, missing=UNSET),
    SubtypeSpec("time", public=EVERY_KEY, telling=(TellingKeys(HEALTH, ("synchronized",)),)),
    SubtypeSpec(
        "packages",
        values=STRING,
        public=EVERY_KEY,
        missing=UNSET,
        telling=(TellingKeys(VERSION, EVERY_KEY),),
    ),
    SubtypeSpec(
        "block-devices",
        public=EVERY_KEY,
        telling=(TellingKeys(HEALTH, ("*.raid-degraded", "*.raid-state")),),
    ),
    # Sources and options are searched: a password may be among them.
    SubtypeSpec("mounts", values=STRING),
    SubtypeSpec(
        "filesystems",
        values=STRING,
        public=EVERY_KEY,
        volatile=(IgnoredKey("*.free-percent", FILLS), IgnoredKey("*.free-inodes-percent", FILLS)),
    ),
)
