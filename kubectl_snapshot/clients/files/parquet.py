"""Write Parquet files; the only importer of pyarrow, which is not part of the program."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Optional

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Cells = Sequence[Optional[str]]

# Rows in memory before they are written, as a row group.
GROUP_ROWS = 65_536


def check_parquet(path: str) -> None:
    """Raise InvalidRequest, with what to install, if pyarrow cannot be imported."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise InvalidRequest(
            f"cannot write {path or 'parquet'}",
            f"{sys.executable} cannot import pyarrow: {error}",
            f"`{sys.executable} -m pip install pyarrow`, or write JSON lines: -o FILE.jsonl",
        ) from error


@contextmanager
def open_parquet(file: BinaryIO, columns: Sequence[str]) -> Iterator[Callable[[Cells], None]]:
    """Yield a function that writes a row of texts; the end of the context writes the footer.

    Without a footer a file cannot be read: after an error none is written.
    """
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([(name, pyarrow.string()) for name in columns])
    writer = pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")
    rows: list[Cells] = []

    def flush() -> None:
        arrays = [pyarrow.array(column, pyarrow.string()) for column in zip(*rows)]
        if rows:
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
        rows.clear()

    def write(row: Cells) -> None:
        rows.append(row)
        if len(rows) >= GROUP_ROWS:
            flush()

    yield write
    flush()
    writer.close()
