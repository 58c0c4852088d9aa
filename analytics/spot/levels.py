"""The grid on which every spot forecast is stated: 15 horizons and 21 quantile levels. Plain Python, no imports."""

from __future__ import annotations

KNOTS: tuple[int, ...] = (1, 2, 3, 6, 9, 12, 18, 24, 36, 48, 72, 96, 120, 144, 168)
"""Hours ahead at which a forecast is computed; between them it is a straight line."""

LEVELS: tuple[float, ...] = (0.025, *(round(0.05 * step, 2) for step in range(1, 20)), 0.975)
"""Quantile levels, ascending."""

MEDIAN = LEVELS.index(0.5)
INSIDE_80 = (LEVELS.index(0.1), LEVELS.index(0.9))
INSIDE_95 = (0, len(LEVELS) - 1)


def level_name(level: float) -> str:
    """The column name of a quantile level: 0.025 → "q0.025", 0.1 → "q0.1"."""
    return "q" + f"{level:.3f}".rstrip("0")
