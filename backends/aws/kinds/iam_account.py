"""IAM: what is the account's as a whole: groups, instance profiles, its summary and its password policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.model import Call, Column, Health, Json, Kind, Relation, Rule


def _with_members(elements: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    """Groups do not tell who is in them, users do."""
    members: dict[str, list[str]] = {}
    for user in (user for page in pages for user in page.get("UserDetailList", [])):
        for group in user.get("GroupList", []):
            members.setdefault(group, []).append(user["UserName"])
    groups = [group for page in pages for group in page.get("GroupDetailList", [])]
    return [group | {"Members": sorted(members.get(group["GroupName"], []))} for group in groups]


GROUP = Kind(
    name="iam.group",
    title="IAM groups",
    service="iam",
    calls=(
        Call(
            "GetAccountAuthorizationDetails",
            "GroupDetailList",
            parameters={"Filter": ["User", "Group"]},
            page=("MaxItems", 1000),
            answer=_with_members,
        ),
    ),
    key=("name",),
    columns=(
        Column("name", "GroupName", help="The group's name.", title="group", narrow=True),
        Column("size", "length(Members)", "integer", help="How many users are in it.", narrow=True),
        Column(
            "attached_policies",
            "AttachedManagedPolicies[].PolicyName",
            "list",
            help="Managed policies attached to it.",
            narrow=True,
        ),
        Column("members", "Members", "list", help="The users in it."),
        Column("inline_policies", "GroupPolicyList[].PolicyName", "list", help="Policies of its own."),
        Column("path", "Path", help="Its path."),
        Column("created", "CreateDate", "time", help="When it was created."),
        Column("group_id", "GroupId", help="AWS's unique id of it."),
        Column("arn", "Arn", help="Its ARN."),
    ),
    regional=False,
    cadence=900,
    relations=(
        Relation("members", "iam.user", "name"),
        Relation("attached_policies", "iam.policy", "name"),
    ),
    health=(
        Rule(Health.WARN, "size=0", "nobody is in it"),
        Rule(Health.WARN, "attached_policies=AdministratorAccess", "makes administrators of its members"),
    ),
    arn="{arn}",
    sort="name",
    help="Groups and their members, from GetAccountAuthorizationDetails.",
)

INSTANCE_PROFILE = Kind(
    name="iam.instance_profile",
    title="Instance profiles",
    service="iam",
    calls=(Call("ListInstanceProfiles", "InstanceProfiles", page=("MaxItems", 1000)),),
    key=("name",),
    columns=(
        Column(
            "name", "InstanceProfileName", help="The instance profile's name.", title="instance profile", narrow=True
        ),
        Column("role", "Roles[0].RoleName", help="The role that it gives to an instance.", narrow=True),
        Column("created", "CreateDate", "time", help="When it was created.", narrow=True),
        Column("path", "Path", help="Its path."),
        Column("profile_id", "InstanceProfileId", help="AWS's unique id of it."),
        Column("arn", "Arn", help="Its ARN."),
    ),
    regional=False,
    cadence=3600,
    relations=(Relation("role", "iam.role", "name"),),
    health=(Rule(Health.WARN, "role=", "gives no role: what is launched with it has no permissions"),),
    arn="{arn}",
    sort="name",
    help="What hands a role to instances, from ListInstanceProfiles.",
)


def _whether(count: str) -> str:
    return f"{count} && {count} != `0`"


ACCOUNT_SUMMARY = Kind(
    name="iam.account_summary",
    title="IAM account summary",
    service="iam",
    calls=(Call("GetAccountSummary", "SummaryMap"),),
    key=("name",),
    columns=(
        Column(
            "name",
            "Users && 'account summary'",
            help="Always the same: an account has one.",
            title="summary",
            narrow=True,
        ),
        Column("root_mfa", _whether("AccountMFAEnabled"), "boolean", help="Root user has an MFA device.", narrow=True),
        Column(
            "root_keys", _whether("AccountAccessKeysPresent"), "boolean", help="Root user has access keys.", narrow=True
        ),
        Column("users", "Users", "integer", help="How many users there are.", narrow=True),
        Column("roles", "Roles", "integer", help="How many roles there are.", narrow=True),
        Column("groups", "Groups", "integer", help="How many groups there are."),
        Column("policies", "Policies", "integer", help="How many policies of its own the account has."),
        Column("instance_profiles", "InstanceProfiles", "integer", help="How many instance profiles there are."),
        Column("mfa_devices", "MFADevices", "integer", help="How many MFA devices there are."),
        Column("mfa_in_use", "MFADevicesInUse", "integer", help="How many of them somebody has."),
        Column("server_certificates", "ServerCertificates", "integer", help="How many server certificates IAM keeps."),
        Column("providers", "Providers", "integer", help="How many identity providers there are."),
        Column("root_password", _whether("AccountPasswordPresent"), "boolean", help="Root user has a password."),
        Column("users_quota", "UsersQuota", "integer", help="The most users there may be."),
        Column("roles_quota", "RolesQuota", "integer", help="The most roles there may be."),
        Column("policies_quota", "PoliciesQuota", "integer", help="The most policies there may be."),
        Column("groups_quota", "GroupsQuota", "integer", help="The most groups there may be."),
    ),
    regional=False,
    cadence=3600,
    health=(
        Rule(Health.BAD, "root_keys=true", "the root user has an access key"),
        Rule(Health.BAD, "root_mfa=false", "the root user has no MFA device"),
    ),
    sort="name",
    help="What IAM counts in the account, from GetAccountSummary.",
)

PASSWORD_POLICY = Kind(
    name="iam.password_policy",
    title="Password policy",
    service="iam",
    calls=(Call("GetAccountPasswordPolicy", "PasswordPolicy", absent=("NoSuchEntity",)),),
    key=("name",),
    columns=(
        Column(
            "name",
            "MinimumPasswordLength && 'password policy'",
            help="Always the same: an account has one or none.",
            narrow=True,
        ),
        Column("length", "MinimumPasswordLength", "integer", help="The shortest password allowed.", narrow=True),
        Column(
            "reuse", "PasswordReusePrevention", "integer", help="How many earlier ones may not return.", narrow=True
        ),
        Column("max_age", "MaxPasswordAge", "integer", help="How long a password lasts.", unit="d", narrow=True),
        Column("symbols", "RequireSymbols", "boolean", help="Whether it needs a symbol."),
        Column("numbers", "RequireNumbers", "boolean", help="Whether it needs a digit."),
        Column("uppercase", "RequireUppercaseCharacters", "boolean", help="Whether it needs a capital letter."),
        Column("lowercase", "RequireLowercaseCharacters", "boolean", help="Whether it needs a small letter."),
        Column("expires", "ExpirePasswords", "boolean", help="Whether passwords expire."),
        Column("may_change", "AllowUsersToChangePassword", "boolean", help="Whether users may change their own."),
        Column("hard_expiry", "HardExpiry", "boolean", help="Whether one that expired needs an administrator."),
    ),
    regional=False,
    cadence=3600,
    health=(
        Rule(Health.WARN, "length<14", "allows passwords of fewer than 14 characters"),
        Rule(Health.WARN, "reuse=", "lets earlier passwords return"),
        Rule(Health.WARN, "reuse<24", "lets earlier passwords return"),
    ),
    sort="name",
    help="What a user's password must be like, from GetAccountPasswordPolicy. Where an account has none, IAM's own "
    "rules hold: eight characters of three kinds.",
)
