"""Service Quotas: how many vCPUs may run in a region, on demand and as Spot."""

from __future__ import annotations

from backends.model import Call, Column, Kind

QUOTA = Kind(
    name="servicequotas.quota",
    title="vCPU quotas",
    service="service-quotas",
    calls=(
        Call(
            "ListServiceQuotas",
            "Quotas[?ends_with(QuotaName, 'Spot Instance Requests') || "
            "(starts_with(QuotaName, 'Running On-Demand') && ends_with(QuotaName, 'instances'))]",
            parameters={"ServiceCode": "ec2"},
            page=("MaxResults", 100),
        ),
    ),
    key=("code",),
    columns=(
        Column("code", "QuotaCode", help="The quota's code.", title="quota", narrow=True),
        Column("name", "QuotaName", help="What it limits, as AWS names it.", narrow=True),
        Column("value", "Value", "number", help="The quota in force.", unit="vCPU", narrow=True),
        Column(
            "spot",
            "ends_with(QuotaName, 'Spot Instance Requests')",
            "boolean",
            help="Whether it limits Spot Instances; else On-Demand ones.",
            narrow=True,
        ),
        Column("adjustable", "Adjustable", "boolean", help="Whether AWS raises it on request."),
        Column("unit", "Unit", help="AWS's unit; None for these, which count vCPUs."),
        Column("arn", "QuotaArn", help="Its ARN."),
    ),
    cadence=3600,
    arn="{arn}",
    sort="name",
    help="Quotas on running vCPUs by family, from ListServiceQuotas of EC2. How much of them is used, "
    "servicequotas.usage tells.",
)
