"""Lambda: functions, without what their environments hold."""

from __future__ import annotations

import json
from functools import partial

from backends.aws.lambda_runtimes import PATCHED_UNTIL
from backends.model import Call, Column, Health, Kind, Relation, Rule, Watched

_RUNS = partial(Watched, "AWS/Lambda", statistic="Sum", dimensions={"FunctionName": "FunctionName"}, sparse=True)
_WATCHED = (
    _RUNS(name="Invocations", title="runs", help="How often it ran in the period."),
    _RUNS(name="Errors", title="errors", help="Runs that ended in an error.", warn=">0"),
    _RUNS(name="Throttles", title="throttled", help="Runs refused because too many were under way.", warn=">0"),
    _RUNS(name="Duration", statistic="Average", title="duration", help="How long a run took on average.", unit="ms"),
    _RUNS(name="Duration", statistic="Maximum", title="longest", help="How long the longest run took.", unit="ms"),
)

FUNCTION = Kind(
    name="lambda.function",
    title="Lambda functions",
    service="lambda",
    calls=(Call("ListFunctions", "Functions", page=("MaxItems", 50)),),
    key=("name",),
    columns=(
        Column("name", "FunctionName", help="The function's name.", title="function", narrow=True),
        Column("runtime", "Runtime", help="What runs it; not set for a container image.", narrow=True),
        Column("memory", "MemorySize", "integer", help="The memory it gets.", unit="MB", narrow=True),
        Column("timeout", "Timeout", "integer", help="How long one run may take.", unit="s", narrow=True),
        Column("modified", "LastModified", "time", help="When it was last changed.", narrow=True),
        Column(
            "patched_until",
            f"looked_up(Runtime, `{json.dumps(PATCHED_UNTIL)}`)",
            "time",
            help="Until when AWS patches that runtime, by its table of September 2026; empty: not known.",
        ),
        Column("package", "PackageType", help="Zip or Image."),
        Column("architectures", "Architectures", "list", help="x86_64 or arm64."),
        Column("handler", "Handler", help="What is called in its code."),
        Column("state", "State", help="Pending, Active, Inactive or Failed."),
        Column("state_reason", "StateReason", help="Why it is in this state."),
        Column(
            "update_status", "LastUpdateStatus", help="Successful, Failed or InProgress: how its last change ended."
        ),
        Column("update_reason", "LastUpdateStatusReason", help="Why its last change ended so."),
        Column("role", "Role", help="The role it acts as."),
        Column("vpc_id", "VpcConfig.VpcId", help="The VPC it reaches into.", title="vpc"),
        Column("subnets", "VpcConfig.SubnetIds", "list", help="Its subnets in the VPC."),
        Column("security_groups", "VpcConfig.SecurityGroupIds", "list", help="Its security groups in the VPC."),
        Column("dead_letters", "DeadLetterConfig.TargetArn", help="Where events go that it could not handle."),
        Column("layers", "Layers[].Arn", "list", help="The layers it is laid upon."),
        Column("log_group", "LoggingConfig.LogGroup", help="Where its logs go."),
        Column("tracing", "TracingConfig.Mode", help="Active or PassThrough."),
        Column("storage", "EphemeralStorage.Size", "integer", help="The size of its /tmp.", unit="MB"),
        Column("code_size", "CodeSize", "integer", help="The size of its package.", unit="B"),
        Column("code_hash", "CodeSha256", help="Which package it is: another hash, another code."),
        Column("variables", "keys(Environment.Variables)", "list", help="The names of its environment's variables."),
        Column("description", "Description", help="What it is said to be for."),
        Column("arn", "FunctionArn", help="Its ARN."),
    ),
    redact=("Environment.Variables.*",),
    relations=(
        Relation("role", "iam.role", "arn"),
        Relation("security_groups", "vpc.security_group", "group_id"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("log_group", "logs.group", "name"),
        Relation("dead_letters", "sqs.queue", "arn"),
    ),
    health=(
        Rule(Health.BAD, "state=Failed", "failed"),
        Rule(Health.BAD, "update_status=Failed", "its last change failed"),
        Rule(Health.BAD, "patched_until<now", "AWS no longer patches its runtime"),
        Rule(Health.WARN, "state=Inactive|Pending", "cannot run yet"),
        Rule(Health.WARN, "patched_until<+90d", "AWS stops patching its runtime within ninety days"),
        Rule(Health.WARN, "timeout>=900", "may run as long as Lambda allows"),
    ),
    arn="{arn}",
    sort="name",
    help="Functions, from ListFunctions. The values of their environment's variables are never kept.",
    watched=_WATCHED,
)
