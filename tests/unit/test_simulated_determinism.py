"""The same seed is the same cloud, ids and all; another seed is another one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jmespath
import pytest

from tests.simulated_aws import SimulatedAws, shared_simulated, start_simulated

LISTINGS: dict[tuple[str, str], tuple[str, ...]] = {
    ("ec2", "describe_instances"): (
        "Reservations[].ReservationId",
        "Reservations[].Instances[].[InstanceId,PrivateIpAddress,InstanceType,State.Name]",
    ),
    ("ec2", "describe_network_interfaces"): ("NetworkInterfaces[].NetworkInterfaceId",),
    ("ec2", "describe_volumes"): ("Volumes[].[VolumeId,VolumeType,Size]",),
    ("ec2", "describe_spot_instance_requests"): ("SpotInstanceRequests[].SpotInstanceRequestId",),
    ("ec2", "describe_vpcs"): ("Vpcs[].VpcId",),
    ("ec2", "describe_subnets"): ("Subnets[].SubnetId",),
    ("ec2", "describe_security_groups"): ("SecurityGroups[].GroupId",),
    ("ec2", "describe_route_tables"): ("RouteTables[].RouteTableId",),
    ("ec2", "describe_launch_templates"): ("LaunchTemplates[].LaunchTemplateId",),
    ("ec2", "describe_nat_gateways"): ("NatGateways[].NatGatewayId",),
    ("ec2", "describe_network_acls"): ("NetworkAcls[].NetworkAclId",),
    ("ec2", "describe_security_group_rules"): ("SecurityGroupRules[].SecurityGroupRuleId",),
    ("ec2", "describe_addresses"): ("Addresses[].AllocationId",),
    ("ec2", "describe_key_pairs"): ("KeyPairs[].[KeyPairId,KeyFingerprint]",),
    ("ec2", "describe_snapshots"): ("Snapshots[].[SnapshotId,VolumeId]",),
    ("autoscaling", "describe_auto_scaling_groups"): (
        "AutoScalingGroups[].AutoScalingGroupARN",
        "AutoScalingGroups[].Instances[].InstanceId",
    ),
    ("autoscaling", "describe_scaling_activities"): ("Activities[].ActivityId",),
    ("route53", "list_hosted_zones"): ("HostedZones[].Id",),
    ("elbv2", "describe_load_balancers"): ("LoadBalancers[].LoadBalancerArn",),
    ("elbv2", "describe_target_groups"): ("TargetGroups[].TargetGroupArn",),
    ("iam", "list_users"): ("Users[].UserId",),
    ("iam", "list_roles"): ("Roles[].RoleId",),
    ("iam", "list_policies"): ("Policies[].PolicyId",),
}
PLACES = (("simulated-production", "us-east-1"), ("simulated-sandbox", "eu-west-1"))


def identities(aws: SimulatedAws) -> dict[str, list[str]]:
    """The ids of every listing in some places, sorted."""
    found = {}
    for profile, region in PLACES:
        for (service, operation), expressions in LISTINGS.items():
            client = aws.client(service, region, profile)
            paginated = client.can_paginate(operation)
            pages = list(client.get_paginator(operation).paginate()) if paginated else [getattr(client, operation)()]
            for expression in expressions:
                items = [str(item) for page in pages for item in jmespath.search(expression, page) or []]
                found[f"{profile} {region} {expression}"] = sorted(items)
        eks = aws.client("eks", region, profile)
        found[f"{profile} {region} nodegroups"] = [
            eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]["nodegroupArn"]
            for cluster in eks.list_clusters()["clusters"]
            for name in eks.list_nodegroups(clusterName=cluster)["nodegroups"]
        ]
        found[f"{profile} {region} inside clusters"] = [
            found_id
            for cluster in eks.list_clusters()["clusters"]
            for found_id in (
                *(insight["id"] for insight in eks.list_insights(clusterName=cluster)["insights"]),
                *(f"{cluster} {update}" for update in eks.list_updates(name=cluster)["updateIds"]),
            )
        ]
    certificates = aws.client("acm").list_certificates()["CertificateSummaryList"]
    found["certificates"] = [certificate["CertificateArn"] for certificate in certificates]
    found["applications"] = [
        *(function["CodeSha256"] for function in aws.client("lambda").list_functions()["Functions"]),
        *(cluster["Endpoint"] for cluster in aws.client("rds").describe_db_clusters()["DBClusters"]),
        *(secret["ARN"] for secret in aws.client("secretsmanager").list_secrets()["SecretList"]),
    ]
    return found


@pytest.fixture(scope="module")
def ours() -> dict[str, list[str]]:
    return identities(shared_simulated())


def test_two_starts_with_one_seed_give_the_same_ids_of_every_kind(ours: dict[str, list[str]]) -> None:
    with start_simulated() as twin:
        assert identities(twin) == ours


def test_the_same_minutes_give_the_same_ids_whatever_clients_asked_meanwhile(
    ours: dict[str, list[str]],
) -> None:
    # One start for both, for a morning is not lived as an evening is; and one to come, so that neither catches up.
    began = (datetime.now(UTC) + timedelta(minutes=10)).replace(second=0, microsecond=0).isoformat()
    with start_simulated(None, "--start", began) as quiet, start_simulated(None, "--start", began) as twin:
        quiet.step(25)
        for minutes in (5, 12, 8):
            twin.step(minutes)
            for _ in range(3):
                twin.client("sts").assume_role(
                    RoleArn="arn:aws:iam::444455556666:role/QuarterdeckAccess", RoleSessionName="noise"
                )
        assert identities(twin) == identities(quiet) != ours


def test_another_seed_is_another_cloud(ours: dict[str, list[str]]) -> None:
    with start_simulated(None, "--seed", "8") as other:
        theirs = identities(other)
    assert ours.keys() == theirs.keys()
    for listing, ids in ours.items():
        assert ids and not set(ids) & set(theirs[listing]), listing
