"""The organization that the production account manages, its units and members, and the budgets of both accounts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from moto.budgets.models import budgets_backends
from moto.organizations.models import FakeAccount, organizations_backends

from backends.simulated import accounts
from backends.simulated.randomness import moto_stream

_SUSPENDED = ("222233334444", "acquired-2023", "SUSPENDED", 1100)
# account, budget, USD a month
_BUDGETS = (
    (accounts.PRODUCTION.id, "everything", 24_000),
    (accounts.PRODUCTION.id, "a-tight-one", 4_000),
    (accounts.SANDBOX.id, "sandbox", 6_000),
)


def plant(now: datetime) -> None:
    """Make the organization and the budgets."""
    backend = organizations_backends[accounts.PRODUCTION.id][accounts.PARTITION]
    backend.create_organization(accounts.REGIONS[0], FeatureSet="ALL")
    [management] = backend.accounts
    management.name, management.create_time = accounts.PRODUCTION.alias, now - timedelta(days=2200)
    management.joined_method = "INVITED"
    _member(backend, accounts.SANDBOX.id, accounts.SANDBOX.alias, "ACTIVE", now - timedelta(days=1500))
    number, name, state, age = _SUSPENDED
    _member(backend, number, name, state, now - timedelta(days=age))
    with moto_stream("organization"):
        for place, member in enumerate(accounts.MEMBERS):
            _member(backend, member.id, member.alias, "ACTIVE", now - timedelta(days=900 - 40 * place))
        _divide(backend)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for account, name, limit in _BUDGETS:
        budget: dict[str, Any] = {
            "BudgetName": name,
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": str(limit), "Unit": "USD"},
            "TimePeriod": {"Start": first.timestamp(), "End": 3_706_473_600},
        }
        budgets_backends[account][accounts.PARTITION].create_budget(account, budget, [])


def _divide(backend: Any) -> None:
    """Makes the units and puts their accounts into them; the others stay at the root."""
    for unit in accounts.UNITS:
        backend.create_organizational_unit(ParentId=unit.parent or backend.org.root_id, Name=unit.name)
        backend.ou[-1].id = unit.id
        for account in backend.accounts:
            if account.id in unit.accounts:
                account.parent_id = unit.id


def _member(backend: Any, number: str, name: str, state: str, joined: datetime) -> None:
    made = FakeAccount(backend.org, AccountName=name, Email=f"aws+{name}@example.com")
    made.id, made.status, made.state, made.create_time = number, state, state, joined
    backend.accounts.append(made)
    organizations_backends.master_accounts[number] = (accounts.PRODUCTION.id, accounts.PARTITION)
