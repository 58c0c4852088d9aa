"""The currency that AWS bills a partition in. Declarations write money as USD, which means the partition's own.

Standard library only: a pane imports this.
"""

from __future__ import annotations

DECLARED = "USD"
"""How declarations write the partition's money: "USD", "USD/h"."""

HOME = "aws"
"""The partition whose prices are known here."""

_OTHERS = {"aws-cn": "CNY", "aws-eusc": "EUR"}
_ALL = (DECLARED, *_OTHERS.values())


def currency_of(partition: str) -> str:
    """The ISO code of what AWS bills in there; "USD" where no partition is known."""
    return _OTHERS.get(partition, DECLARED)


def in_currency(text: str, currency: str) -> str:
    """A declared unit or sentence with its money in that currency: "USD/h" → "CNY/h"."""
    return text.replace(DECLARED, currency)


def is_money(unit: str) -> bool:
    """Whether a unit is one of money, by itself or by the hour."""
    return unit.startswith(_ALL)


def hourly(unit: str) -> bool:
    """Whether a unit is money by the hour."""
    return is_money(unit) and "/h" in unit


def prices_elsewhere(partition: str) -> str:
    """What is to be said in a partition beside prices of `HOME`; "" in that one itself."""
    return "" if partition == HOME else f"prices of the partition {HOME}, not of {partition}"
