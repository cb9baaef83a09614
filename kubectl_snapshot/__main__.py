"""python -m kubectl_snapshot: the same program as the console script and the zipapp."""

from __future__ import annotations

import sys

from kubectl_snapshot.main import main

if __name__ == "__main__":
    sys.exit(main())
