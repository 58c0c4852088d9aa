"""What a declaration says of money, said in the currency that AWS bills the store's partition in."""

from __future__ import annotations

from dataclasses import replace

from backends.currency import DECLARED, currency_of, in_currency, prices_elsewhere
from backends.model import Kind


def told_in(kind: Kind, partition: str) -> Kind:
    """The kind with its units and the words of its health in the partition's currency.

    What its help says of AWS's price for reading it is a price of the partition aws, and stays one.
    """
    currency = currency_of(partition)
    if currency == DECLARED:
        return kind
    columns = tuple(replace(column, unit=in_currency(column.unit, currency)) for column in kind.columns)
    health = tuple(replace(rule, why=in_currency(rule.why, currency)) for rule in kind.health)
    elsewhere = f" ({DECLARED}: {prices_elsewhere(partition)}.)" if DECLARED in kind.help else ""
    return replace(kind, columns=columns, health=health, help=kind.help + elsewhere)
