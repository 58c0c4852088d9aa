"""The organization's other accounts: a way in, an alias, and a volume in each region to tell them apart by."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from backends.simulated import accounts
from backends.simulated.cloud import Cloud, finish_volume
from backends.simulated.randomness import moto_stream


def plant_once(number: str, seed: int, now: datetime) -> None:
    """Make a member's few things when somebody first asks for a way in: most who start this endpoint never do."""
    member = accounts.BY_ID[number]
    iam = Cloud(number, accounts.REGIONS[0]).iam
    if not isinstance(member, accounts.Member) or not member.open or iam.roles:
        return
    with moto_stream(seed, "member", number):
        iam.create_account_alias(f"example-{member.alias}")
        trust = json.dumps({"Version": "2012-10-17", "Statement": [_trust(member)]})
        role = iam.create_role(accounts.ACCESS_ROLE, trust, "/", None, "The operator's way in", [], "3600")
        role.create_date = now - timedelta(days=200)
        for region in accounts.REGIONS:
            cloud = Cloud(number, region)
            volume = cloud.ec2.create_volume(size=8, zone_name=accounts.zone_names(region)[0], volume_type="gp3")
            volume.add_tags({"Name": f"{member.alias}-{region}"})
            finish_volume(cloud, volume)


def _trust(member: accounts.Member) -> dict[str, object]:
    trust: dict[str, object] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{accounts.PARTITION}:iam::{accounts.PRODUCTION.id}:root"},
        "Action": "sts:AssumeRole",
    }
    if member.external_id:
        trust["Condition"] = {"StringEquals": {"sts:ExternalId": member.external_id}}
    return trust
