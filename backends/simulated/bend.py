"""Replacing a method of moto's, in one place and by name, so that every such bend can be found."""

from __future__ import annotations


def bend(owner: type, name: str, replacement: object) -> None:
    """Put `replacement` (a function or a property) in the place of an attribute of moto's class."""
    setattr(owner, name, replacement)
