"""EC2's and the VPC's kinds are what plain boto3 reads, and tell of what is wrong in the simulated networks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jmespath
import pyarrow as pa
import pytest
import pytest_asyncio

from backends.aws.process import Collector, SweepEnd, SweepTask
from backends.context import Context
from backends.model import Coverage, CoverageState, Json
from tests.simulated_aws import SimulatedAws, shared_simulated
from tests.unit.aws_fakes import rows_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

REGION = "us-east-1"
EVENTS = ["instance-reboot", "system-reboot", "system-maintenance", "instance-retirement", "instance-stop"]
STATUS: Json = {"IncludeAllInstances": True}
# kind → (boto3's method, JMESPath to the ids in its answer, parameters)
READ: dict[str, tuple[str, str, Json]] = {
    "ec2.instance_status": ("describe_instance_status", "InstanceStatuses[].InstanceId", STATUS),
    "ec2.scheduled_event": (
        "describe_instance_status",
        "InstanceStatuses[].Events[].InstanceEventId",
        STATUS | {"Filters": [{"Name": "event.code", "Values": EVENTS}]},
    ),
    "ec2.snapshot": ("describe_snapshots", "Snapshots[].SnapshotId", {"OwnerIds": ["self"]}),
    "ec2.public_snapshot": (
        "describe_snapshots",
        "Snapshots[].SnapshotId",
        {"OwnerIds": ["self"], "RestorableByUserIds": ["all"]},
    ),
    "ec2.image": ("describe_images", "Images[].ImageId", {"Owners": ["self"]}),
    "ec2.launch_template": ("describe_launch_templates", "LaunchTemplates[].LaunchTemplateId", {"MaxResults": 200}),
    "ec2.launch_template_version": (
        "describe_launch_template_versions",
        "LaunchTemplateVersions[].join('/', [LaunchTemplateId, to_string(VersionNumber)])",
        {"Versions": ["$Latest", "$Default"], "MaxResults": 200},
    ),
    "ec2.spot_fleet": ("describe_spot_fleet_requests", "SpotFleetRequestConfigs[].SpotFleetRequestId", {}),
    "ec2.fleet": ("describe_fleets", "Fleets[].FleetId", {}),
    "ec2.capacity_reservation": (
        "describe_capacity_reservations",
        "CapacityReservations[].CapacityReservationId",
        {},
    ),
    "ec2.key_pair": ("describe_key_pairs", "KeyPairs[].KeyPairId", {}),
    "vpc.route_table": ("describe_route_tables", "RouteTables[].RouteTableId", {}),
    "vpc.internet_gateway": ("describe_internet_gateways", "InternetGateways[].InternetGatewayId", {}),
    "vpc.nat_gateway": ("describe_nat_gateways", "NatGateways[].NatGatewayId", {}),
    "vpc.endpoint": ("describe_vpc_endpoints", "VpcEndpoints[].VpcEndpointId", {}),
    "vpc.peering": ("describe_vpc_peering_connections", "VpcPeeringConnections[].VpcPeeringConnectionId", {}),
    "vpc.transit_gateway_attachment": (
        "describe_transit_gateway_attachments",
        "TransitGatewayAttachments[].TransitGatewayAttachmentId",
        {},
    ),
    "vpc.network_acl": ("describe_network_acls", "NetworkAcls[].NetworkAclId", {}),
    "vpc.security_group_rule": ("describe_security_group_rules", "SecurityGroupRules[].SecurityGroupRuleId", {}),
    "vpc.network_interface": ("describe_network_interfaces", "NetworkInterfaces[].NetworkInterfaceId", {}),
    "vpc.address": ("describe_addresses", "Addresses[].AllocationId", {}),
    "vpc.flow_log": ("describe_flow_logs", "FlowLogs[].FlowLogId", {}),
}
Swept = dict[tuple[str, str], tuple[Coverage, list[Json]]]


@pytest.fixture(scope="module")
def aws() -> SimulatedAws:
    return shared_simulated()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def inventory(aws: SimulatedAws, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Swept]:
    """Every kind of both accounts in one region, by (profile, kind)."""
    log: Path = tmp_path_factory.mktemp("network") / "collector.log"
    context = Context(tuple(aws.profiles), REGION, aws.endpoint, "aws", aws.environment)
    collector = await Collector.start(context, log)
    found = {
        (account.profile, kind): await _swept(collector, account.account, kind)
        for account in await collector.identify()
        for kind in READ
    }
    await collector.close()
    yield found


async def _swept(collector: Collector, account: str, kind: str) -> tuple[Coverage, list[Json]]:
    rows: list[Json] = []
    async for part in collector.sweep(SweepTask(account, REGION, kind)):
        if isinstance(part, SweepEnd):
            return part.coverage, rows
        assert pa.ipc.open_stream(part.arrow).read_all().num_rows == part.rows
        rows += rows_of(part.arrow)
    raise AssertionError("the sweep had no end")


def _listed(aws: SimulatedAws, profile: str, kind: str) -> set[str]:
    method, path, parameters = READ[kind]
    client = aws.client("ec2", REGION, profile)
    pages = (
        client.get_paginator(method).paginate(**parameters)
        if client.can_paginate(method)
        else [getattr(client, method)(**parameters)]
    )
    return {found for page in pages for found in jmespath.search(path, page) or []}


async def test_every_kind_is_what_plain_boto3_reads(aws: SimulatedAws, inventory: Swept) -> None:
    for (profile, kind), (coverage, rows) in inventory.items():
        expected = await asyncio.to_thread(_listed, aws, profile, kind)
        assert {row["id"] for row in rows} == expected, kind
        assert (coverage.rows, coverage.problem) == (len(expected), ""), coverage
        assert coverage.state is (CoverageState.OK if expected else CoverageState.EMPTY), coverage


async def test_every_kind_has_something_to_show(inventory: Swept) -> None:
    for kind in READ:
        assert (
            inventory["simulated-production", kind][1]
            or inventory["simulated-sandbox", kind][1]
            or kind
            in (
                "ec2.public_snapshot",  # the one there is lies in another region
            )
        )


async def test_no_planted_secret_is_read(aws: SimulatedAws, inventory: Swept) -> None:
    planted = aws.client("ec2", REGION).describe_spot_fleet_requests()["SpotFleetRequestConfigs"]
    assert "UserData" in json.dumps(planted, default=str)
    told = json.dumps([rows for _, rows in inventory.values()], default=str)
    assert "CANARY" not in told and "Q0FOQVJZ" not in told and "[redacted]" in told
    [fleet] = inventory["simulated-production", "ec2.spot_fleet"][1]
    assert fleet["raw"]["SpotFleetRequestConfig"]["LaunchSpecifications"][0]["UserData"] == "[redacted]"


def rows(inventory: Swept, kind: str, **wanted: Any) -> list[Json]:
    found = inventory["simulated-production", kind][1]
    return [row for row in found if all(row[name] == value for name, value in wanted.items())]


async def test_a_route_to_a_deleted_nat_gateway_leads_nowhere(inventory: Swept) -> None:
    [gone] = rows(inventory, "vpc.nat_gateway", state="deleted")
    [table] = rows(inventory, "vpc.route_table", blackholes=1)
    assert (table["name"], table["lost_destinations"]) == ("legacy-private", ["0.0.0.0/0"])
    assert table["lost_targets"] == [gone["id"]] == [table["default_route"]]
    [private] = rows(inventory, "vpc.route_table", name="production-us-east-1-private")
    [public] = rows(inventory, "vpc.route_table", name="production-us-east-1-public")
    assert (private["public"], public["public"], public["default_route"][:4]) == (False, True, "igw-")
    assert private["peerings"] and private["transit_gateways"] and private["default_route"].startswith("nat-")


async def test_interfaces_tell_what_they_belong_to(inventory: Swept) -> None:
    [nat] = rows(inventory, "vpc.network_interface", interface_type="nat_gateway")
    assert nat["description"].startswith("Interface for NAT Gateway nat-") and nat["requester_managed"]
    left = rows(inventory, "vpc.network_interface", status="available")
    assert {row["description"] for row in left} >= {"failover of the old database"}
    assert all(row["instance_id"] is None for row in left)
    [bastion] = [row for row in rows(inventory, "vpc.address", name="bastion") if row["instance_id"]]
    [interface] = rows(inventory, "vpc.network_interface", instance_id=bastion["instance_id"])
    assert (interface["public_ip"], interface["allocation_id"]) == (bastion["public_ip"], bastion["id"])
    assert all(row["private_ip"].startswith("10.20.") for row in rows(inventory, "vpc.network_interface"))


async def test_checks_and_events_name_the_machines_that_ail(inventory: Swept) -> None:
    [ill] = rows(inventory, "ec2.instance_status", instance="impaired")
    assert (ill["instance_check"], ill["system"], ill["instance_since"] is None) == ("failed", "ok", False)
    stopped = rows(inventory, "ec2.instance_status", state="stopped")
    assert stopped and all(row["system"] == "not-applicable" for row in stopped)
    events = {row["code"]: row["instance_id"] for row in rows(inventory, "ec2.scheduled_event")}
    assert set(events) == {"instance-retirement", "system-reboot"}
    [retired] = rows(inventory, "ec2.instance_status", id=events["instance-retirement"])
    assert retired["events"] == ["instance-retirement"]


async def test_templates_tell_their_default_and_newest_version(inventory: Swept) -> None:
    names = {row["name"] for row in rows(inventory, "ec2.launch_template")}
    for name in names:
        [template] = rows(inventory, "ec2.launch_template", name=name)
        versions = {row["version"]: row for row in rows(inventory, "ec2.launch_template_version", name=name)}
        assert set(versions) == {template["default_version"], template["latest_version"]}
        assert [number for number, row in versions.items() if row["is_default"]] == [template["default_version"]]
        assert all(row["user_data"] for row in versions.values())
