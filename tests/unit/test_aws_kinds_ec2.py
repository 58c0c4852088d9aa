"""What EC2's kinds make of AWS's answers where that is more than a field of them."""

from __future__ import annotations

from typing import Any

from backends.aws.kinds import KINDS
from backends.aws.parsers import PageMaker
from backends.model import Json
from tests.unit.aws_fakes import FakeClient, rows_of, swept

BY_NAME = {kind.name: kind for kind in KINDS}


def row(kind: str, element: Json) -> Json:
    [found] = rows_of(PageMaker(BY_NAME[kind]).page([element])[0])
    return found


async def read(kind: str, operation: str, answer: Json) -> tuple[Json, list[Json]]:
    """The parameters that were sent, and the rows."""
    client = FakeClient("ec2", {operation: lambda _: answer})
    _, rows = await swept(BY_NAME[kind], {"ec2": client})
    [(_, parameters)] = client.asked
    return parameters, rows


async def test_every_event_of_an_instance_is_a_row_that_names_it() -> None:
    def event(number: int, **more: Any) -> Json:
        return {"InstanceEventId": f"instance-event-{number}", "Code": "system-reboot"} | more

    statuses = [
        {"InstanceId": "i-1", "AvailabilityZone": "eu-west-1a", "Events": [event(1), event(2, Code="instance-stop")]},
        {"InstanceId": "i-2", "AvailabilityZone": "eu-west-1b", "Events": [event(3)]},
    ]
    asked, rows = await read("ec2.scheduled_event", "DescribeInstanceStatus", {"InstanceStatuses": statuses})
    assert [(r["id"], r["instance_id"], r["code"]) for r in rows] == [
        ("instance-event-1", "i-1", "system-reboot"),
        ("instance-event-2", "i-1", "instance-stop"),
        ("instance-event-3", "i-2", "system-reboot"),
    ]
    # AWS leaves out the instances that have none, and with them nearly all of the answer.
    assert asked["Filters"][0]["Name"] == "event.code" and asked["IncludeAllInstances"] is True


async def test_statuses_are_asked_of_stopped_instances_too() -> None:
    asked, _ = await read("ec2.instance_status", "DescribeInstanceStatus", {"InstanceStatuses": []})
    assert asked == {"IncludeAllInstances": True, "MaxResults": 1000}


async def test_only_the_accounts_own_snapshots_and_images_are_asked_for() -> None:
    asked, _ = await read("ec2.snapshot", "DescribeSnapshots", {"Snapshots": []})
    assert asked["OwnerIds"] == ["self"] and "RestorableByUserIds" not in asked
    asked, _ = await read("ec2.public_snapshot", "DescribeSnapshots", {"Snapshots": []})
    assert (asked["OwnerIds"], asked["RestorableByUserIds"]) == (["self"], ["all"])
    asked, _ = await read("ec2.image", "DescribeImages", {"Images": []})
    assert (asked["Owners"], asked["IncludeDeprecated"], asked["IncludeDisabled"]) == (["self"], True, True)


def version(data: Json) -> Json:
    return row(
        "ec2.launch_template_version", {"LaunchTemplateId": "lt-1", "VersionNumber": 2, "LaunchTemplateData": data}
    )


def test_a_template_version_gives_the_groups_of_its_interfaces_too() -> None:
    found = version({"SecurityGroupIds": ["sg-1"], "NetworkInterfaces": [{"Groups": ["sg-2", "sg-3"]}, {}]})
    assert found["security_groups"] == ["sg-1", "sg-2", "sg-3"]
    assert version({"NetworkInterfaces": [{"Groups": ["sg-2"]}]})["security_groups"] == ["sg-2"]
    assert not version({})["security_groups"]


def test_user_data_is_told_to_be_there_and_never_kept() -> None:
    found = version({"UserData": "Q0FOQVJZ", "InstanceType": "m5.large"})
    assert found["user_data"] is True and "Q0FOQVJZ" not in str(found)
    assert found["raw"]["LaunchTemplateData"] == {"UserData": "[redacted]", "InstanceType": "m5.large"}
    assert version({"InstanceType": "m5.large"})["user_data"] is False


def test_a_reservation_tells_what_of_it_is_used() -> None:
    given = {"CapacityReservationId": "cr-1", "TotalInstanceCount": 5, "AvailableInstanceCount": 2}
    found = row("ec2.capacity_reservation", given)
    assert (found["total"], found["used"], found["free"]) == (5, 3, 2)


def test_a_spot_fleets_types_come_from_specifications_and_from_overrides() -> None:
    config = {
        "LaunchSpecifications": [{"InstanceType": "c5.large", "UserData": "Q0FOQVJZ"}],
        "LaunchTemplateConfigs": [{"Overrides": [{"InstanceType": "m5.large"}, {"InstanceType": "m6i.large"}]}],
        "TargetCapacity": 4,
        "FulfilledCapacity": 2.5,
    }
    found = row("ec2.spot_fleet", {"SpotFleetRequestId": "sfr-1", "SpotFleetRequestConfig": config})
    assert found["instance_types"] == ["c5.large", "m5.large", "m6i.large"]
    assert (found["target"], found["fulfilled"], found["missing"]) == (4, 2.5, 1.5)
    assert "Q0FOQVJZ" not in str(found)
