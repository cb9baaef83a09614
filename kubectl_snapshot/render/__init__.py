"""Renderers of snapshots, diffs and check results: text, HTML, JUnit XML. Pure."""
