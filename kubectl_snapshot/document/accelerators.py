"""AICR's tokens for models of NVIDIA GPUs, `h100`: by PCI device id or by product name. Pure.

The ids are those of the PCI ID Repository (pci.ids) for data centre GPUs from Pascal on, and the
tokens AICR's (pkg/collector/gpu/device_ids.go). Another id has no token: a wrong one would choose
the wrong recipe. 25b6 is left out, which is both the A2 and the A16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DEVICE_IDS = """
p100 15f7 15f8 15f9; p40 1b38; p10 1b39; p4 1bb3; p6 1bb4; v100 1db1 1db4 1db5 1db6 1db8 1df5;
v100s 1df6; t10 1e35; t40 1e38; t4 1eb8; a100 20b0 20b1 20b2 20b3 20b5 20f1; a30 20b7;
a800 20bd 20f3 20f5 20f6; a40 2235; a10 2236; h100 2330 2331 2336 2337 2338 2339 233d;
h200 2335 233b; h800 2322 2324; h20 230c 230e 2329 232c; gh200 2342 2348; l40 26b5; l40g 26b8;
l40s 26b9; l20 26b7 26ba; l2 27b6; l4 27b8; b200 2901 2909; b100 2920 29bc; gb200 2941; b300 3182;
gb300 31a1 31c2 31c3; rtx-pro-6000 2bb1 2bb4 2bb5
"""
# Those that AICR has recipes for (pkg/recipe/criteria.go); it takes no other as an accelerator.
WITH_RECIPES = frozenset("a100 b200 gb200 gb300 h100 h200 l40 l40s rtx-pro-6000".split())

_IDS_BY_TOKEN = {token: ids for token, *ids in map(str.split, DEVICE_IDS.split(";"))}
TOKENS = {device_id: token for token, ids in _IDS_BY_TOKEN.items() for device_id in ids}


def find_token(device_id: str) -> str:
    """Return the token of a PCI device id, four hexadecimal digits; empty if there is none."""
    return TOKENS.get(device_id.lower(), "")


def parse_product(name: str) -> str:
    """Return the token in a product name or label, `NVIDIA-H100-80GB-HBM3`; empty if none is.

    Whole words count: an L40S is no L40. The longest token wins.
    """
    words = _split(name)
    found = [token for token in _IDS_BY_TOKEN if _contains(words, _split(token))]
    return max(found, key=len, default="")


def _split(name: str) -> list[str]:
    return name.lower().replace("-", " ").split()


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    return any(words[i : i + size] == wanted for i in range(len(words) - size + 1))
