"""Budgets: those that moto keeps, with what the simulated bills say was spent and will be."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


@answers("budgets", "DescribeBudgets")
def describe_budgets(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The account's own budgets, in one page; AccessDeniedException for another account's."""
    from moto.budgets.models import budgets_backends

    account = str(wire.parameters(request)["AccountId"])
    if account != request.account:
        raise wire.AwsError("AccessDeniedException", f"The account {account} is not yours.")
    kept = budgets_backends[account][accounts.PARTITION].describe_budgets(account)
    spent, expected = _month(simulation, account)
    spend = {"ActualSpend": _dollars(spent), "ForecastedSpend": _dollars(expected)}
    return {"Budgets": [budget | {"CalculatedSpend": spend} for budget in kept]}


def _month(simulation: Simulation, account: str) -> tuple[float, float]:
    """USD spent this month so far, and by its end if the last week goes on."""
    now = simulation.clock.now()

    def spent(day: date) -> float:
        return sum(simulation.bills.cost(account, service, day, now) for service in simulation.bills.services())

    today = now.date()
    so_far = sum(spent(today.replace(day=number)) for number in range(1, today.day + 1))
    usual = sum(spent(today - timedelta(days=back)) for back in range(1, 8)) / 7
    return so_far, so_far + usual * (monthrange(today.year, today.month)[1] - today.day)


def _dollars(amount: float) -> dict[str, str]:
    return {"Amount": f"{amount:.2f}", "Unit": "USD"}
