"""What the overlay answers fits the shapes that AWS publishes: nothing unknown, nothing of another type."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from backends.simulated.answers.registry import ANSWERS
from tests.simulated_aws import shared_simulated

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "double": (float, int),
    "float": (float, int),
    "boolean": (bool,),
    "timestamp": (datetime,),
    "blob": (bytes,),
}


CHECKED = (
    ("ec2", "DescribeSpotPriceHistory"),
    ("ec2", "GetSpotPlacementScores"),
    ("ec2", "DescribeRegions"),
    ("ec2", "DescribeInstanceTypeOfferings"),
    ("ec2", "DescribeInstanceStatus"),
    ("ec2", "DescribeCapacityReservations"),
    ("ec2", "DescribeSnapshots"),
    ("service-quotas", "ListServices"),
    ("service-quotas", "ListServiceQuotas"),
    ("savingsplans", "DescribeSavingsPlansOfferingRates"),
    ("cloudwatch", "GetMetricData"),
    ("cloudwatch", "GetMetricStatistics"),
    ("ce", "GetCostAndUsage"),
    ("autoscaling", "DescribeScalingActivities"),
    ("autoscaling", "SetDesiredCapacity"),
    ("autoscaling", "UpdateAutoScalingGroup"),
    ("autoscaling", "StartInstanceRefresh"),
    ("autoscaling", "DescribeInstanceRefreshes"),
    ("autoscaling", "CancelInstanceRefresh"),
    ("eks", "UpdateNodegroupConfig"),
    ("eks", "DescribeClusterVersions"),
    ("eks", "ListAddons"),
    ("eks", "DescribeAddon"),
    ("eks", "DescribeAddonVersions"),
    ("eks", "ListAccessEntries"),
    ("eks", "DescribeAccessEntry"),
    ("eks", "ListAssociatedAccessPolicies"),
    ("eks", "ListInsights"),
    ("eks", "DescribeInsight"),
    ("eks", "ListUpdates"),
    ("eks", "DescribeUpdate"),
    ("elb", "DescribeInstanceHealth"),
    ("cloudtrail", "LookupEvents"),
    ("sts", "AssumeRole"),
    ("iam", "GetCredentialReport"),
    ("iam", "GetAccountSummary"),
    ("ce", "GetCostForecast"),
    ("ce", "GetAnomalies"),
    ("ce", "GetSavingsPlansCoverage"),
    ("ce", "GetReservationCoverage"),
    ("ce", "ListCostAllocationTags"),
    ("budgets", "DescribeBudgets"),
    ("health", "DescribeEvents"),
    ("health", "DescribeEventDetails"),
    ("health", "DescribeAffectedEntities"),
)
_DEPLOY = "arn:aws:iam::111122223333:role/deploy"
_LISTS = ("ListAccounts", "ListRoots", "ListOrganizationalUnitsForParent", "ListAccountsForParent")
LEFT_TO_MOTO = {("ec2", "StopInstances"), ("ec2", "StartInstances"), *(("organizations", name) for name in _LISTS)}


def misfits(value: Any, shape: Shape, path: str = "") -> list[str]:
    """Where a value does not fit a shape."""
    if isinstance(shape, StructureShape):
        unknown = [f"{path}.{key} is not in {shape.name}" for key in value if key not in shape.members]
        missing = [f"{path}.{key} is missing" for key in shape.required_members if key not in value]
        inner = [
            m for key in value if key in shape.members for m in misfits(value[key], shape.members[key], f"{path}.{key}")
        ]
        return unknown + missing + inner
    if isinstance(shape, ListShape):
        return [m for index, item in enumerate(value) for m in misfits(item, shape.member, f"{path}[{index}]")]
    if isinstance(shape, MapShape):
        return [m for key, item in value.items() for m in misfits(item, shape.value, f"{path}[{key}]")]
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        return [f"{path} is {value!r}, not one of {allowed}"]
    fits = isinstance(value, TYPES[shape.type_name]) and not (shape.type_name != "boolean" and isinstance(value, bool))
    return [] if fits else [f"{path} is {type(value).__name__}, not {shape.type_name}"]


def at(hours: float = 0.0) -> datetime:
    return datetime.fromisoformat(shared_simulated().get("status")["now"]) + timedelta(hours=hours)


def an_instance() -> str:
    pages = shared_simulated().client("ec2").describe_instances(MaxResults=5)
    return str(pages["Reservations"][0]["Instances"][0]["InstanceId"])


def calls() -> dict[tuple[str, str], dict[str, Any]]:
    metric = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization"}
    dimensions = [{"Name": "InstanceId", "Value": an_instance()}]
    stat = {"Metric": {**metric, "Dimensions": dimensions}, "Period": 3600, "Stat": "Average"}
    span = {"StartTime": at(-24), "EndTime": at()}
    today = at().date()
    eks, cluster = shared_simulated().client("eks"), {"clusterName": "prod-main"}
    month = {"TimePeriod": {"Start": str(today - timedelta(days=30)), "End": str(today)}}
    return {
        ("ec2", "DescribeSpotPriceHistory"): {"StartTime": at(-24), "MaxResults": 50},
        ("ec2", "GetSpotPlacementScores"): {"TargetCapacity": 5, "SingleAvailabilityZone": True},
        ("ec2", "DescribeRegions"): {"AllRegions": True},
        ("ec2", "DescribeInstanceTypeOfferings"): {"LocationType": "availability-zone-id"},
        ("ec2", "DescribeInstanceStatus"): {"IncludeAllInstances": True},
        ("ec2", "DescribeCapacityReservations"): {},
        ("ec2", "DescribeSnapshots"): {"OwnerIds": ["self"], "RestorableByUserIds": ["all"]},
        ("service-quotas", "ListServices"): {},
        ("service-quotas", "ListServiceQuotas"): {"ServiceCode": "ec2"},
        ("savingsplans", "DescribeSavingsPlansOfferingRates"): {"savingsPlanTypes": ["Compute"], "maxResults": 20},
        ("cloudwatch", "GetMetricData"): {"MetricDataQueries": [{"Id": "a", "MetricStat": stat}], **span},
        ("cloudwatch", "GetMetricStatistics"): {
            **metric,
            **span,
            "Dimensions": dimensions,
            "Period": 3600,
            "Statistics": ["Average", "Maximum"],
        },
        ("ce", "GetCostAndUsage"): {
            "TimePeriod": {"Start": str(today - timedelta(days=50)), "End": str(today)},
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost", "UsageQuantity"],
            "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
        },
        ("autoscaling", "DescribeScalingActivities"): {},
        ("autoscaling", "SetDesiredCapacity"): {"AutoScalingGroupName": "render-farm", "DesiredCapacity": 6},
        ("autoscaling", "UpdateAutoScalingGroup"): {"AutoScalingGroupName": "render-farm", "MaxSize": 20},
        ("autoscaling", "StartInstanceRefresh"): {"AutoScalingGroupName": "render-farm"},
        ("autoscaling", "DescribeInstanceRefreshes"): {"AutoScalingGroupName": "web-frontend"},
        ("autoscaling", "CancelInstanceRefresh"): {"AutoScalingGroupName": "render-farm"},
        ("eks", "UpdateNodegroupConfig"): {
            "clusterName": "prod-main",
            "nodegroupName": "system",
            "scalingConfig": {"desiredSize": 3},
        },
        ("eks", "DescribeClusterVersions"): {},
        ("eks", "ListAddons"): cluster,
        ("eks", "DescribeAddon"): {**cluster, "addonName": "vpc-cni"},
        ("eks", "DescribeAddonVersions"): {"kubernetesVersion": "1.33"},
        ("eks", "ListAccessEntries"): cluster,
        ("eks", "DescribeAccessEntry"): {**cluster, "principalArn": _DEPLOY},
        ("eks", "ListAssociatedAccessPolicies"): {**cluster, "principalArn": _DEPLOY},
        ("eks", "ListInsights"): cluster,
        ("eks", "DescribeInsight"): {**cluster, "id": eks.list_insights(**cluster)["insights"][0]["id"]},
        ("eks", "ListUpdates"): {"name": "prod-main"},
        ("eks", "DescribeUpdate"): {
            "name": "prod-main",
            "updateId": eks.list_updates(name="prod-main")["updateIds"][0],
        },
        ("elb", "DescribeInstanceHealth"): {"LoadBalancerName": "legacy-shop"},
        ("cloudtrail", "LookupEvents"): {},
        ("sts", "AssumeRole"): {
            "RoleArn": "arn:aws:iam::444455556666:role/QuarterdeckAccess",
            "RoleSessionName": "shapes",
        },
        ("iam", "GetCredentialReport"): {},
        ("iam", "GetAccountSummary"): {},
        ("ce", "GetCostForecast"): {
            "TimePeriod": {"Start": str(today), "End": str(today + timedelta(days=31))},
            "Metric": "UNBLENDED_COST",
            "Granularity": "DAILY",
        },
        ("ce", "GetAnomalies"): {"DateInterval": {"StartDate": str(today - timedelta(days=90))}},
        ("ce", "GetSavingsPlansCoverage"): month | {"Granularity": "DAILY"},
        ("ce", "GetReservationCoverage"): month | {"Granularity": "DAILY"},
        ("ce", "ListCostAllocationTags"): {},
        ("budgets", "DescribeBudgets"): {"AccountId": "111122223333"},
        ("health", "DescribeEvents"): {},
        ("health", "DescribeEventDetails"): {"eventArns": [health_event()]},
        ("health", "DescribeAffectedEntities"): {"filter": {"eventArns": [health_event()]}},
    }


def health_event() -> str:
    return str(shared_simulated().client("health").describe_events()["events"][0]["arn"])


def test_every_answer_of_the_overlay_is_checked_here() -> None:
    import importlib
    import pkgutil

    from backends.simulated import answers

    for module in pkgutil.iter_modules(answers.__path__, answers.__name__ + "."):
        importlib.import_module(module.name)
    assert set(CHECKED) == set(calls()) == set(ANSWERS) - LEFT_TO_MOTO


@pytest.mark.parametrize("operation", CHECKED, ids="-".join)
def test_answers_fit_the_published_shape(operation: tuple[str, str]) -> None:
    service, name = operation
    client = shared_simulated().client(service)
    if name == "GetCredentialReport":
        client.generate_credential_report()
    method = next(
        method for method, operation_name in client.meta.method_to_api_mapping.items() if operation_name == name
    )
    answer = getattr(client, method)(**calls()[operation])
    answer.pop("ResponseMetadata")
    shape = botocore.session.get_session().get_service_model(service).operation_model(name).output_shape
    if shape is None:
        assert answer == {}
        return
    assert misfits(answer, shape) == []
    full = {"SetDesiredCapacity", "UpdateAutoScalingGroup", "DescribeScalingActivities", "LookupEvents"}
    assert answer or name in full
