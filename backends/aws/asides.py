"""What is asked of AWS beside sweeps and calls: who logins are, their regions and members, the credentials of roles."""

from __future__ import annotations

from backends.aws.requests import Tally
from backends.model import Json

UNKNOWN = "unknown"
"""The account of requests with credentials that AWS named no account for."""


class Asides:
    """Tallies by the account that they were for, until somebody takes them to count them."""

    def __init__(self) -> None:
        self._noted: list[tuple[str, Tally]] = []

    def note(self, account: str, tally: Tally) -> None:
        """What has been asked for an account; nobody adds to the tally after that."""
        if tally.counts:
            self._noted.append((account or UNKNOWN, tally))

    def taken(self) -> list[Json]:
        """`account` and `operations` (see `Tally.as_json`) of what was noted since the last time."""
        noted, self._noted = self._noted, []
        return [{"account": account, "operations": tally.as_json()} for account, tally in noted]
