"""Import cycles, which the layers of .importlinter allow inside a package without layers."""

from __future__ import annotations

import grimp
import pytest

GRAPH = grimp.build_graph("kubectl_snapshot")


@pytest.mark.parametrize("module", sorted(GRAPH.modules))
def test_no_module_imports_itself_through_others(module: str) -> None:
    for imported in GRAPH.find_modules_directly_imported_by(module):
        chain = GRAPH.find_shortest_chain(importer=imported, imported=module)
        assert chain is None, f"cycle: {module} -> {' -> '.join(chain)}"
