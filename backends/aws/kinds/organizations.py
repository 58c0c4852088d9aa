"""Organizations: the accounts that belong together. Only the management account and delegated ones may ask."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Rule

ACCOUNT = Kind(
    name="organizations.account",
    title="Accounts of the organization",
    service="organizations",
    calls=(Call("ListAccounts", "Accounts", page=("MaxResults", 20), absent=("AWSOrganizationsNotInUseException",)),),
    key=("account_id",),
    columns=(
        Column("account_id", "Id", help="The account's number.", title="id", narrow=True),
        Column("name", "Name", help="What it is called.", narrow=True),
        Column("status", "State || Status", help="ACTIVE, SUSPENDED, PENDING_CLOSURE or CLOSED.", narrow=True),
        Column("joined", "JoinedTimestamp", "time", help="When it joined the organization.", narrow=True),
        Column("joined_by", "JoinedMethod", help="INVITED or CREATED."),
        Column("email", "Email", help="The address of its root user."),
        Column("arn", "Arn", help="Its ARN, which names the organization and its management account."),
    ),
    regional=False,
    cadence=3600,
    health=(
        Rule(Health.BAD, "status=SUSPENDED", "suspended"),
        Rule(Health.WARN, "status=PENDING_CLOSURE|PENDING_ACTIVATION", "being closed or not active yet"),
    ),
    arn="{arn}",
    sort="name",
    help="The accounts of the organization, from ListAccounts, which only the management account and delegated "
    "administrators may call.",
)
