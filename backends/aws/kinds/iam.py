"""IAM: users, roles and the account's own policies. Global: one sweep an account."""

from __future__ import annotations

from backends.aws.kinds.iam_report import REPORT, USERS
from backends.model import Call, Column, Health, Kind, Relation, Rule


def _details(which: str, items: str) -> Call:
    return Call("GetAccountAuthorizationDetails", items, parameters={"Filter": [which]}, page=("MaxItems", 1000))


USER = Kind(
    name="iam.user",
    title="IAM users",
    service="iam",
    calls=(
        *REPORT,
        USERS,
        Call(
            "ListAccessKeys",
            "@",
            arguments={"UserName": "Detail.UserName"},
            keep={"Detail": "Detail", "Report": "Report"},
            optional=True,
        ),
    ),
    key=("name",),
    columns=(
        Column("name", "Detail.UserName", help="The user's name.", title="user", narrow=True),
        Column(
            "last_login",
            "Report.password_last_used",
            "time",
            help="When the password was last used, by the credential report.",
            volatile=True,
            narrow=True,
        ),
        Column(
            "active_keys",
            "length(AccessKeyMetadata[?Status=='Active'])",
            "integer",
            help="Access keys that work.",
            narrow=True,
        ),
        Column(
            "oldest_key",
            "min(AccessKeyMetadata[?Status=='Active'].CreateDate)",
            "time",
            help="When the oldest key that works was made.",
            narrow=True,
        ),
        Column("console", "Report.password_enabled", "boolean", help="Whether it has a password."),
        Column("mfa", "Report.mfa_active", "boolean", help="Whether an MFA device is asked for.", title="MFA"),
        Column("access_keys", "AccessKeyMetadata[].AccessKeyId", "list", help="The ids of its access keys."),
        Column("groups", "Detail.GroupList", "list", help="The groups it is in."),
        Column(
            "attached_policies",
            "Detail.AttachedManagedPolicies[].PolicyName",
            "list",
            help="Managed policies attached to it.",
        ),
        Column("inline_policies", "Detail.UserPolicyList[].PolicyName", "list", help="Policies of its own."),
        Column(
            "boundary",
            "Detail.PermissionsBoundary.PermissionsBoundaryArn",
            help="The policy that bounds what it may do.",
        ),
        Column("path", "Detail.Path", help="Its path."),
        Column("created", "Detail.CreateDate", "time", help="When it was created."),
        Column("user_id", "Detail.UserId", help="AWS's unique id of it."),
        Column("arn", "Detail.Arn", help="Its ARN."),
        Column("tags", "Detail.Tags", "tags", help="All its tags."),
    ),
    regional=False,
    cadence=900,
    relations=(Relation("attached_policies", "iam.policy", "name"),),
    health=(
        Rule(Health.BAD, "attached_policies=AdministratorAccess active_keys>0", "an administrator with access keys"),
        Rule(Health.WARN, "console=true mfa=false", "a password alone lets it in"),
        Rule(Health.WARN, "oldest_key<-90d", "an access key is older than 90 days"),
        Rule(Health.WARN, "active_keys>1", "two access keys work"),
    ),
    arn="{arn}",
    sort="name",
    help="Users, from GetAccountAuthorizationDetails, ListAccessKeys and the credential report, which AWS makes at "
    "most every four hours.",
)

ROLE = Kind(
    name="iam.role",
    title="IAM roles",
    service="iam",
    calls=(_details("Role", "RoleDetailList"),),
    key=("name",),
    columns=(
        Column("name", "RoleName", help="The role's name.", title="role", narrow=True),
        Column("trusts", "principals(AssumeRolePolicyDocument)", "list", help="Who may assume it.", narrow=True),
        Column(
            "last_used", "RoleLastUsed.LastUsedDate", "time", help="When it was last used.", volatile=True, narrow=True
        ),
        Column("last_used_region", "RoleLastUsed.Region", help="Where it was last used.", volatile=True),
        Column(
            "attached_policies", "AttachedManagedPolicies[].PolicyName", "list", help="Managed policies attached to it."
        ),
        Column("inline_policies", "RolePolicyList[].PolicyName", "list", help="Policies of its own."),
        Column(
            "instance_profiles",
            "InstanceProfileList[].InstanceProfileName",
            "list",
            help="The instance profiles that give it.",
        ),
        Column("boundary", "PermissionsBoundary.PermissionsBoundaryArn", help="The policy that bounds what it may do."),
        Column(
            "service_linked",
            "starts_with(Path, '/aws-service-role/')",
            "boolean",
            help="Whether an AWS service made and owns it.",
        ),
        Column("path", "Path", help="Its path."),
        Column("created", "CreateDate", "time", help="When it was created."),
        Column("role_id", "RoleId", help="AWS's unique id of it."),
        Column("arn", "Arn", help="Its ARN."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    regional=False,
    cadence=900,
    relations=(Relation("attached_policies", "iam.policy", "name"),),
    health=(
        Rule(Health.BAD, 'trusts="*"', "anybody may try to assume it"),
        Rule(Health.WARN, "attached_policies=AdministratorAccess service_linked=false", "is an administrator"),
    ),
    arn="{arn}",
    sort="name",
    help="Roles, from GetAccountAuthorizationDetails. AWS tells the last use with a delay of hours.",
)

_DOCUMENT = "PolicyVersionList[?IsDefaultVersion].Document | [0]"

POLICY = Kind(
    name="iam.policy",
    title="IAM policies",
    service="iam",
    calls=(_details("LocalManagedPolicy", "Policies"),),
    key=("name",),
    columns=(
        Column("name", "PolicyName || after(Arn, '/')", help="The policy's name.", title="policy", narrow=True),
        Column(
            "attachments", "AttachmentCount", "integer", help="Users, groups and roles it is attached to.", narrow=True
        ),
        Column("version", "DefaultVersionId", help="The version in force.", narrow=True),
        Column("updated", "UpdateDate", "time", help="When a version was last made.", narrow=True),
        Column(
            "allows_all",
            f"allows_all({_DOCUMENT})",
            "boolean",
            help="Whether it allows every action on everything.",
            narrow=True,
        ),
        Column("versions", "length(PolicyVersionList || `[]`)", "integer", help="Versions kept; five is the most."),
        Column("boundary_uses", "PermissionsBoundaryUsageCount", "integer", help="How many it bounds."),
        Column("attachable", "IsAttachable", "boolean", help="Whether it can be attached."),
        Column("path", "Path", help="Its path."),
        Column("description", "Description", help="What it is said to be for."),
        Column("created", "CreateDate", "time", help="When it was created."),
        Column("policy_id", "PolicyId", help="AWS's unique id of it."),
        Column("arn", "Arn", help="Its ARN."),
    ),
    regional=False,
    cadence=900,
    relations=(
        Relation("name", "iam.role", "attached_policies"),
        Relation("name", "iam.user", "attached_policies"),
    ),
    health=(
        Rule(Health.BAD, "allows_all=true attachments>0", "allows everything and is attached"),
        Rule(Health.WARN, "allows_all=true", "allows everything"),
    ),
    arn="{arn}",
    sort="name",
    help="The account's own managed policies, from GetAccountAuthorizationDetails.",
)
