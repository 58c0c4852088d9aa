"""What an Auto Scaling group says about its launches: types, subnets, spot share, start-up data, tags and disk."""

from __future__ import annotations

from math import ceil
from typing import Any

from backends.simulated import catalog
from backends.simulated.cloud import Cloud


def types(group: Any) -> list[str]:
    """The instance types a group may use, preferred first."""
    policy = group.mixed_instances_policy or {}
    overrides = policy.get("LaunchTemplate", {}).get("Overrides", [])
    named = [override["InstanceType"] for override in overrides if override.get("InstanceType") in catalog.TYPES]
    return named or [group.instance_type if group.instance_type in catalog.TYPES else "m5.large"]


def subnets(cloud: Cloud, group: Any) -> list[Any]:
    """The subnets a group launches into."""
    if group.vpc_zone_identifier:
        return [cloud.ec2.get_subnet(name) for name in group.vpc_zone_identifier.split(",")]
    defaults = cloud.ec2.get_default_subnets()
    return [defaults[zone] for zone in group.availability_zones if zone in defaults]


def wants_spot(group: Any) -> bool:
    """Whether the next launch is spot by the group's policy."""
    policy = (group.mixed_instances_policy or {}).get("InstancesDistribution")
    if not policy:
        return False
    base = int(policy.get("OnDemandBaseCapacity", 0))
    share = int(policy.get("OnDemandPercentageAboveBaseCapacity", 100))
    desired = group.desired_capacity or 0
    on_demand = min(desired, base) + ceil(max(desired - base, 0) * share / 100)
    steady = sum(1 for state in group.instance_states if state.instance.lifecycle != "spot")
    return steady >= on_demand


def template(group: Any) -> dict[str, Any]:
    """How members start: launch template, user data, security groups, key and metadata options."""
    if group.ec2_launch_template:
        version = group.ec2_launch_template.get_version(group.launch_template_version)
        return {
            # moto would take the instance type from the template as well, whatever the policy chose
            "template_tags": {
                "aws:ec2launchtemplate:id": group.ec2_launch_template.id,
                "aws:ec2launchtemplate:version": str(version.number),
            },
            "user_data": version.user_data,
            "security_groups": version.data.get("SecurityGroupIds", []),
            "key_name": version.data.get("KeyName"),
            "http_tokens": version.data.get("MetadataOptions", {}).get("HttpTokens", "optional"),
        }
    config = group.launch_config
    return {
        "user_data": config.user_data,
        "security_groups": config.security_groups,
        "key_name": config.key_name,
        "http_tokens": "optional",
    }


def tags(group: Any) -> dict[str, str]:
    """The tags that members get."""
    propagated: dict[str, str] = group.get_propagated_tags()
    cluster = propagated.get("eks:cluster-name")
    # EKS marks whatever joins a cluster, so that its cost can be told.
    joined = {"aws:eks:cluster-name": cluster} if cluster else {}
    return propagated | joined | {"aws:autoscaling:groupName": group.name}


def disk(group: Any) -> tuple[str, int]:
    """Type and GiB of the root volume that members get."""
    if group.ec2_launch_template:
        data = group.ec2_launch_template.get_version(group.launch_template_version).data
        mappings = data.get("BlockDeviceMappings") or []
    else:
        mappings = group.launch_config.block_device_mapping_dict or []
    ebs = mappings[0].get("Ebs", {}) if mappings else {}
    return ebs.get("VolumeType") or "gp3", int(ebs.get("VolumeSize") or 20)
