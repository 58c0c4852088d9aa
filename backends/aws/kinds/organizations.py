"""Organizations: the accounts that belong together, as their management account lists them: AWS refuses members."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Rule

ACCOUNT = Kind(
    name="organizations.account",
    title="Accounts of the organization",
    service="organizations",
    calls=(
        Call("GetCallerIdentity", "{account: Account}", service="sts"),
        Call(
            "DescribeOrganization",
            "Organization",
            keep={"account": "account"},
            absent=("AWSOrganizationsNotInUseException",),
        ),
        Call("ListAccounts", "Accounts", page=("MaxResults", 20), where="MasterAccountId == account"),
    ),
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
    help="The accounts of the organization, from ListAccounts. Only its management account is asked.",
)
