"""What a process of ours does without: pandas, which pyarrow and DuckDB import wherever it is installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _Absent(MetaPathFinder):
    """Finds no pandas."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r} in this process", name=name)


def without_pandas() -> None:
    """From now on this process has no pandas, unless it was imported before.

    pyarrow would import it for its first array, DuckDB for its first parameter that is a time, only to ask whether the
    value is one of pandas': half a second of a processor and 50 MB in every daemon and every collector.
    """
    sys.meta_path.insert(0, _Absent())
