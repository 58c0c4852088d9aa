"""Networks in the simulated AWS answer to what is done: routes die with their targets, interfaces go with their owners,
and what ails a machine ends when it moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulated_aws import SimulatedAws, start_simulated


@pytest.fixture(scope="module")
def aws() -> Iterator[SimulatedAws]:
    """An endpoint of its own, because these tests take things down."""
    with start_simulated() as started:
        yield started


def named(resources: list[dict[str, Any]], name: str) -> dict[str, Any]:
    [found] = [one for one in resources if {"Key": "Name", "Value": name} in one.get("Tags", [])]
    return found


def default_route(ec2: Any, table: str) -> dict[str, Any]:
    routes = named(ec2.describe_route_tables()["RouteTables"], table)["Routes"]
    [found] = [route for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
    return dict(found)


def interfaces(ec2: Any) -> dict[str, dict[str, Any]]:
    pages = ec2.get_paginator("describe_network_interfaces").paginate()
    return {one["NetworkInterfaceId"]: one for page in pages for one in page["NetworkInterfaces"]}


def machine(ec2: Any, name: str) -> str:
    answer = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [name]}])
    return str(answer["Reservations"][0]["Instances"][0]["InstanceId"])


def status(ec2: Any, instance: str) -> dict[str, Any]:
    answer = ec2.describe_instance_status(InstanceIds=[instance], IncludeAllInstances=True)
    [found] = answer["InstanceStatuses"]
    return dict(found)


def test_a_route_leads_nowhere_once_its_nat_gateway_is_deleted(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "eu-west-1")
    before = default_route(ec2, "production-eu-west-1-private")
    assert before["State"] == "active"
    gateway = named(ec2.describe_nat_gateways()["NatGateways"], "production-eu-west-1-nat")
    own = gateway["NatGatewayAddresses"][0]
    assert interfaces(ec2)[own["NetworkInterfaceId"]]["InterfaceType"] == "nat_gateway"

    ec2.delete_nat_gateway(NatGatewayId=gateway["NatGatewayId"])
    assert default_route(ec2, "production-eu-west-1-private") == before | {"State": "blackhole"}
    assert own["NetworkInterfaceId"] not in interfaces(ec2)
    [address] = ec2.describe_addresses(AllocationIds=[own["AllocationId"]])["Addresses"]
    assert "AssociationId" not in address
    [gone] = ec2.describe_nat_gateways(NatGatewayIds=[gateway["NatGatewayId"]])["NatGateways"]
    assert gone["State"] == "deleted" and gone["DeleteTime"] >= gone["CreateTime"]


def test_a_route_leads_nowhere_once_its_peering_or_internet_gateway_is_gone(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "eu-west-1")
    peering = named(ec2.describe_vpc_peering_connections()["VpcPeeringConnections"], "east-west")
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering["VpcPeeringConnectionId"])
    routes = named(ec2.describe_route_tables()["RouteTables"], "production-eu-west-1-private")["Routes"]
    assert [r["State"] for r in routes if "VpcPeeringConnectionId" in r] == ["blackhole"]

    gateway = named(ec2.describe_internet_gateways()["InternetGateways"], "production-eu-west-1")
    assert default_route(ec2, "production-eu-west-1-public")["State"] == "active"
    vpc = gateway["Attachments"][0]["VpcId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
    assert default_route(ec2, "production-eu-west-1-public")["State"] == "blackhole"


def test_the_interface_of_a_terminated_instance_goes_with_it(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "eu-west-1")
    instance = machine(ec2, "gdpr-export")
    [own] = [key for key, one in interfaces(ec2).items() if one.get("Attachment", {}).get("InstanceId") == instance]
    ec2.terminate_instances(InstanceIds=[instance])
    assert own not in interfaces(ec2)
    assert status(ec2, instance)["SystemStatus"] == {"Status": "not-applicable"}


def test_an_interface_gets_a_free_address_of_its_subnet(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "ap-southeast-2")
    subnet = next(s for s in ec2.describe_subnets()["Subnets"] if s["CidrBlock"] == "10.40.1.0/24")
    taken = {one["PrivateIpAddress"] for one in interfaces(ec2).values()}
    made = [ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"] for _ in range(2)]
    addresses = {one["PrivateIpAddress"] for one in made}
    assert len(addresses) == 2 and not addresses & taken
    assert all(address.startswith("10.40.1.") for address in addresses)


def test_an_impaired_host_is_left_by_stopping_and_starting(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "us-east-1", "simulated-sandbox")
    instance = machine(ec2, "forgotten-1")
    assert status(ec2, instance)["SystemStatus"]["Status"] == "impaired"
    ec2.stop_instances(InstanceIds=[instance])
    assert status(ec2, instance)["SystemStatus"]["Status"] == "not-applicable"
    aws.step(1)
    ec2.start_instances(InstanceIds=[instance])
    assert status(ec2, instance)["SystemStatus"]["Status"] == "initializing"
    aws.step(4)
    assert status(ec2, instance)["SystemStatus"]["Status"] == "ok"


def test_a_retirement_is_done_once_the_machine_has_been_started_anew(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "us-east-1")
    instance = machine(ec2, "license-server")
    [event] = status(ec2, instance)["Events"]
    assert event["Code"] == "instance-retirement" and not event["Description"].startswith("[")
    ec2.stop_instances(InstanceIds=[instance])
    aws.step(1)
    ec2.start_instances(InstanceIds=[instance])
    [event] = status(ec2, instance)["Events"]
    assert event["Description"].startswith("[Completed] ")


def test_statuses_come_in_pages_and_stopped_machines_only_if_asked_for(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "us-east-1")
    every = {"IncludeAllInstances": True, "PaginationConfig": {"PageSize": 50}}
    pages = list(ec2.get_paginator("describe_instance_status").paginate(**every))
    assert len(pages) > 1 and all(len(page["InstanceStatuses"]) <= 50 for page in pages)
    states = {one["InstanceState"]["Name"] for page in pages for one in page["InstanceStatuses"]}
    assert {"running", "stopped"} <= states
    running = ec2.describe_instance_status()["InstanceStatuses"]
    assert {one["InstanceState"]["Name"] for one in running} == {"running"}


def test_a_fleet_counts_what_runs_in_it(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "us-east-1")
    [fleet] = ec2.describe_fleets()["Fleets"]
    tagged = [{"Name": "tag:aws:ec2:fleet-id", "Values": [fleet["FleetId"]]}]
    members = [i["InstanceId"] for r in ec2.describe_instances(Filters=tagged)["Reservations"] for i in r["Instances"]]
    assert (fleet["FulfilledCapacity"], fleet["ActivityStatus"]) == (len(members), "fulfilled")
    ec2.terminate_instances(InstanceIds=members[:1])
    [fleet] = ec2.describe_fleets()["Fleets"]
    assert (fleet["FulfilledCapacity"], fleet["ActivityStatus"]) == (len(members) - 1, "pending_fulfillment")


def test_volumes_say_whether_they_end_with_their_instance_and_do_as_they_say(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "us-east-1")
    instance = machine(ec2, "jenkins")
    attached = [{"Name": "attachment.instance-id", "Values": [instance]}]
    volumes = ec2.describe_volumes(Filters=attached)["Volumes"]
    ending = {one["VolumeId"]: one["Attachments"][0]["DeleteOnTermination"] for one in volumes}
    assert sorted(ending.values()) == [False, True]
    ec2.terminate_instances(InstanceIds=[instance])
    known = {one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]}
    assert {volume: volume not in known for volume in ending} == ending


def test_a_reservation_has_room_again_when_what_ran_in_it_has_ended(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2", "us-east-1")

    def reservation() -> dict[str, Any]:
        return named(ec2.describe_capacity_reservations()["CapacityReservations"], "postgres")

    within = [
        one["InstanceId"]
        for page in ec2.get_paginator("describe_instances").paginate()
        for held in page["Reservations"]
        for one in held["Instances"]
        if one.get("CapacityReservationId") == reservation()["CapacityReservationId"]
    ]
    before = reservation()
    assert before["TotalInstanceCount"] - before["AvailableInstanceCount"] == len(within) > 0
    ec2.terminate_instances(InstanceIds=within[:1])
    assert reservation()["AvailableInstanceCount"] == before["AvailableInstanceCount"] + 1
