"""Network interfaces beside those of instances: what load balancers use, what was left, and addresses of bastions."""

from __future__ import annotations

from typing import Any

from backends.simulated import accounts
from backends.simulated.cloud import name_of
from backends.simulated.moto_network import own
from backends.simulated.seed.network import Network

_EAST, _WEST, _ = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id
# account, region, what it was for
_LEFT = (
    (_PROD, _EAST, "aws-K8S-i-0d1f6a7b3c2e94850"),
    (_PROD, _EAST, "failover of the old database"),
    (_DEV, _WEST, "AWS Lambda VPC ENI-thumbnails"),
)


def plant(networks: dict[tuple[str, str], Network]) -> None:
    """Make them; load balancers and machines have to be there."""
    for network in networks.values():
        for balancer in network.cloud.elbv2.load_balancers.values():
            _of_balancer(network, balancer)
        _reach_bastion(network)
    for account, region, purpose in _LEFT:
        network = networks[account, region]
        left = _make(network, network.private[1], "db", purpose)
        left.add_tags({"Name": purpose.rpartition("-")[2]})


def _of_balancer(network: Network, balancer: Any) -> None:
    """A load balancer has an interface in each of its subnets."""
    tiers = network.public if balancer.scheme == "internet-facing" else network.private
    for subnet in tiers:
        description = f"ELB app/{balancer.name}/{balancer.arn.rpartition('/')[2]}"
        own(_make(network, subnet, "lb", description), "interface", description, "amazon-elb")


def _make(network: Network, subnet: Any, firewall: str, description: str) -> Any:
    return network.cloud.ec2.create_network_interface(
        subnet, None, group_ids=[network.groups[firewall].id], description=description
    )


def _reach_bastion(network: Network) -> None:
    """A bastion has an address that stays, so that it is found."""
    ec2 = network.cloud.ec2
    for instance in network.cloud.instances():
        if name_of(instance) == "bastion":
            address = ec2.allocate_address("vpc", tags={"Name": "bastion"})
            ec2.associate_address(instance=instance, allocation_id=address.allocation_id)
