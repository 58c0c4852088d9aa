"""Lambda: functions, without what their environments hold."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_DEAD = (
    *("nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x"),
    *("nodejs16.x", "nodejs18.x", "nodejs20.x", "python2.7", "python3.6", "python3.7", "python3.8", "python3.9"),
    *("java8", "go1.x", "provided", "ruby2.5", "ruby2.7", "ruby3.2"),
    *("dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "dotnet5.0", "dotnet6", "dotnet7"),
)
"""Runtimes that AWS's table of deprecations says to be past their date, as of November 2026."""

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
        Rule(Health.BAD, f"runtime={'|'.join(_DEAD)}", "AWS no longer patches its runtime"),
        Rule(Health.WARN, "state=Inactive|Pending", "cannot run yet"),
        Rule(Health.WARN, "timeout>=900", "may run as long as Lambda allows"),
    ),
    arn="{arn}",
    sort="name",
    help="Functions, from ListFunctions. The values of their environment's variables are never kept.",
)
