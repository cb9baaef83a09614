"""Run cluster-wide collectors in their own process, with the packages of the zipapp.

Prints one JSON object: status and number of keys of each subtype, and the peak memory.
"""

from __future__ import annotations

import json
import re
import sys
import time


def main() -> None:
    packages, kubeconfig, node_name, *types = sys.argv[1:]
    sys.path.insert(0, packages)
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect
    from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
    from kubectl_snapshot.collectors.run.compose import collect_redacted, ensure_key
    from kubectl_snapshot.collectors.run.context import Context
    from kubectl_snapshot.settings import CollectSettings

    kube = connect(ConnectionOptions(kubeconfig=kubeconfig), {})
    settings = ensure_key(CollectSettings())
    context = Context(host=HostPath(None), node_name=node_name, kube=kube, settings=settings)
    measurements = collect_redacted(
        [ALL_COLLECTORS[type_] for type_ in types],
        context,
        time.monotonic() + 300,
        lambda event: None,
    )
    found = {
        f"{measurement.type}.{subtype.name}": {"status": subtype.status, "keys": len(subtype.data)}
        for measurement in measurements
        for subtype in measurement.subtypes
    }
    print(json.dumps({"subtypes": found, "peak_mib": read_peak_mib()}))


def read_peak_mib() -> float:
    """Return the peak resident memory, VmHWM of proc_pid_status(5).

    Not getrusage(2): its maximum survives exec and may be that of the parent process.
    """
    with open("/proc/self/status", encoding="ascii") as file:
        found = re.search(r"^VmHWM:\s+(\d+) kB$", file.read(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
