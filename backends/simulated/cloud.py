"""moto's in-process backends by account and region, and the small things that several parts ask of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.acm.models import acm_backends
from moto.autoscaling.models import autoscaling_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.route53.models import route53_backends
from moto.sqs.models import sqs_backends

from backends.simulated import accounts


@dataclass(frozen=True, slots=True)
class Cloud:
    """One account in one region; the attributes are moto's backends."""

    account: str
    region: str

    @property
    def ec2(self) -> Any:
        return ec2_backends[self.account][self.region]

    @property
    def autoscaling(self) -> Any:
        return autoscaling_backends[self.account][self.region]

    @property
    def cloudwatch(self) -> Any:
        return cloudwatch_backends[self.account][self.region]

    @property
    def eks(self) -> Any:
        return eks_backends[self.account][self.region]

    @property
    def elb(self) -> Any:
        return elb_backends[self.account][self.region]

    @property
    def elbv2(self) -> Any:
        return elbv2_backends[self.account][self.region]

    @property
    def acm(self) -> Any:
        return acm_backends[self.account][self.region]

    @property
    def route53(self) -> Any:
        return route53_backends[self.account][accounts.PARTITION]

    @property
    def sqs(self) -> Any:
        return sqs_backends[self.account][self.region]

    @property
    def iam(self) -> Any:
        return iam_backends[self.account][accounts.PARTITION]

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{accounts.PARTITION}:{service}:{self.region}:{self.account}:{resource}"

    def instances(self) -> Iterator[Any]:
        """Every instance that DescribeInstances shows, terminated ones included, in launch order."""
        for reservation in self.ec2.reservations.values():
            yield from reservation.instances

    def groups(self) -> list[Any]:
        return list(self.autoscaling.autoscaling_groups.values())

    def zone_id(self, zone_name: str) -> str:
        return accounts.zone_id(self.account, zone_name)


CLOUDS = tuple(Cloud(account.id, region) for account in accounts.ACCOUNTS for region in accounts.REGIONS)


def account_of(access_key: str) -> str:
    """The account that an access key belongs to, permanent or temporary; empty for a key that nobody issued."""
    for account in accounts.BY_ID.values():
        if access_key in iam_backends[account.id][accounts.PARTITION].access_keys:
            return account.id
    return ""


def name_of(resource: Any) -> str:
    """The tag Name of something of EC2's; empty for none."""
    # moto's own way goes through the tags of everything.
    return str(resource.ec2_backend.tags.get(resource.id, {}).get("Name", ""))


def free_address(subnet: Any) -> str | None:
    """The lowest free private address of a subnet, None when it is full.

    moto keeps given-back addresses in a set of strings, whose order changes from process to process.
    """
    network = ipaddress.ip_network(subnet.cidr_block)
    for offset in range(4, network.num_addresses - 1):
        address = str(network[offset])
        if address not in subnet._subnet_ips:
            return address
    return None


def release_address(instance: Any) -> None:
    """Give the addresses of a terminated instance back to its subnet."""
    subnet = instance.ec2_backend.get_subnet(instance.subnet_id)
    for address in sorted(instance._private_ips):
        subnet._subnet_ips.pop(address, None)
    instance._private_ips = set()


def finish_volume(cloud: Cloud, volume: Any) -> None:
    """What AWS fills in by itself and moto does not: performance by type; new volumes are encrypted, old ones not."""
    if volume.volume_type == "gp2":
        volume.iops = min(max(3 * volume.size, 100), 16_000)
    elif volume.volume_type == "gp3":
        volume.throughput = volume.throughput or 125
        volume.encrypted, volume.kms_key_id = True, cloud.arn("kms", "alias/aws/ebs")
