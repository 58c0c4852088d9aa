"""Organizations: who may list the accounts. moto lets a member do what AWS lets only the management account do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


@answers("organizations", "ListAccounts", "ListRoots", "ListOrganizationalUnitsForParent", "ListAccountsForParent")
def list_accounts(simulation: Simulation, request: wire.Request) -> None:
    """Left to moto for the management account; AccessDeniedException for members."""
    if request.account != accounts.PRODUCTION.id:
        message = "You don't have permissions to access this resource."
        raise wire.AwsError("AccessDeniedException", message)
