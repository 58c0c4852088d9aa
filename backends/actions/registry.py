"""Every action there is, found by walking this package: a module that declares `DECLARED` is all it takes."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache

from backends.actions.base import Action
from backends.actions.world import Refused
from backends.model import Json


@cache
def _declared() -> dict[str, Action]:
    package = importlib.import_module("backends.actions.services")
    found: dict[str, Action] = {}
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        for declared in getattr(importlib.import_module(module.name), "DECLARED", ()):
            if declared.name in found:
                raise RuntimeError(f"two actions are called {declared.name}")
            found[declared.name] = declared
    return dict(sorted(found.items()))


ACTIONS: tuple[Action, ...] = tuple(_declared().values())


def action(name: str) -> Action:
    """The action of that name; `Refused` names the nearest one."""
    declared = _declared()
    if name in declared:
        return declared[name]
    near = difflib.get_close_matches(name, declared, 1, 0.4)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(declared)}."
    raise Refused("bad-action", f"There is no action {ascii(name)[:60]}; {hint}")


def registry_json(kind: str = "") -> list[Json]:
    """The declared actions, of one kind or of all, as the API, the menu, the command line and the docs want them."""
    return [declared.as_json() for declared in ACTIONS if not kind or kind in declared.kinds]
