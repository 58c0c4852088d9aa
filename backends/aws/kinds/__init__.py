"""Every kind that Quarterdeck knows: one module per AWS service, found by walking this package.

A module declares kinds as module-level `Kind` objects; nothing else needs to know of it.
"""

from __future__ import annotations

import importlib
import pkgutil

from backends.model import Kind


def _found() -> tuple[Kind, ...]:
    kinds: dict[str, Kind] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, Kind) and kinds.setdefault(value.name, value) is not value:
                raise ValueError(f"Two kinds are named {value.name}.")
    return tuple(sorted(kinds.values(), key=lambda kind: kind.name))


KINDS: tuple[Kind, ...] = _found()
