"""The tests of kubectl-snapshot; a package, so that one test room can use another."""
