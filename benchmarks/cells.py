"""The cells of the table benchmark, the same for both contestants."""

from __future__ import annotations

import math

COLUMNS = (
    ("id", 19),
    ("name", 24),
    ("state", 12),
    ("type", 14),
    ("zone", 14),
    ("private ip", 15),
    ("price", 9),
    ("24 h", 24),
    ("launched", 20),
)
STATES = (("running", "green"), ("stopped", "yellow"), ("impaired", "red"))
TYPES = ("m5.large", "c6i.2xlarge", "r7g.xlarge", "t3.medium")
BARS = "▁▂▃▄▅▆▇█"


def spark(number: int) -> list[float]:
    """24 points of a wave that differs from row to row."""
    return [1 + math.sin(number * 0.7 + hour / 3.8) for hour in range(24)]


def cells(number: int) -> list[tuple[str, str]]:
    """(text, colour or "") for each column of row `number`."""
    state, colour = STATES[number % 7 % 3]
    price = 0.0116 * (1 + number % 40)
    bars = "".join(BARS[min(7, int(point * 4))] for point in spark(number))
    return [
        (f"i-{number:017x}", ""),
        (f"worker-{number % 977:03d}-{number:06d}", ""),
        (state, colour),
        (TYPES[number % 4], ""),
        (f"us-east-1{'abcd'[number % 4]}", ""),
        (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", ""),
        (f"{price:.4f}", "cyan" if number % 3 else "magenta"),
        (bars, "blue"),
        (f"2026-11-{1 + number % 28:02d} 14:02:{number % 60:02d}", ""),
    ]
