"""Randomness by name: the same seed and the same name give the same stream, whatever happened in between."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager


def number(*parts: object) -> int:
    """64 bits that depend on nothing but `parts`."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def fraction(*parts: object) -> float:
    """A number in [0, 1) that depends on nothing but `parts`."""
    return number(*parts) / 2**64


def stream(*parts: object) -> random.Random:
    """A generator of its own for `parts`."""
    return random.Random(number(*parts))  # noqa: S311 - a simulation, not a secret


@contextmanager
def moto_stream(*parts: object) -> Iterator[None]:
    """Within, moto draws ids from a stream of that name; afterwards its own stream goes on where it was.

    So what the world makes has the same ids however many requests clients sent in the meantime.
    """
    from moto.moto_api._internal import mock_random

    before = mock_random.getstate()
    mock_random.seed(number(*parts))
    try:
        yield
    finally:
        mock_random.setstate(before)
