"""Each fault is reported in seconds with its cause and exit code; no object remains.

The faults run in parallel from the first test that needs one; the run ends with a row for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.cluster.conftest import FIGURES
from tests.cluster.faults.catalogue import FAULTS
from tests.cluster.faults.images import load_fault_images
from tests.cluster.faults.servers import serve_faults
from tests.cluster.faults.stage import Outcome, render_row, run_faults
from tests.cluster.support import Cluster

Outcomes = Mapping[str, "Future[Outcome]"]


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    zipapp: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    """Futures of the outcomes of every selected fault."""
    cluster.require_lab()
    directory = tmp_path_factory.mktemp("faults")
    asked = [
        str(item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.function is test_a_fault_is_reported_with_its_cause
    ]
    load_fault_images(cluster, directory)
    with serve_faults(cluster, directory) as servers:
        chosen = {name: FAULTS[name] for name in asked}
        futures = run_faults(cluster, servers, zipapp, chosen, directory)
        try:
            yield futures
        finally:
            for future in futures.values():
                future.cancel()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_reported_with_its_cause(
    outcomes: Outcomes, name: str, record_property: Callable[[str, object], None]
) -> None:
    outcome = outcomes[name].result()
    fault = outcome.fault
    record_property(FIGURES, render_row(name, outcome))
    assert outcome.code == fault.code, outcome.stderr
    assert fault.find_missing(outcome.text) == []
    for text in fault.warnings:
        assert text in outcome.stderr
    assert outcome.foretold == fault.preflight
    assert outcome.left == ()
    assert outcome.seconds < fault.limit_s
    if fault.check:
        fault.check(outcome.document)
    else:
        assert outcome.document == ""
