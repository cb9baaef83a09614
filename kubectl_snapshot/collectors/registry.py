"""What all collectors declare about their subtypes, as data for schema, redaction, diff and check.

The zipapp has this module's value in place of this code (scripts/zipapp/prebuild.py), so that a
verb that needs the declarations does not import the collectors.
"""

from __future__ import annotations

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.collectors.run.context import build_registry

REGISTRY = build_registry(ALL_COLLECTORS.values())
