"""A resource is found by its id, name or ARN, at any instant, and what tells of it is not in its way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from backends.aws.kinds.autoscaling import GROUP
from backends.aws.kinds.cloudwatch import INSTANCE_CPU
from backends.aws.kinds.ec2 import INSTANCE, VOLUME
from backends.model import Scope
from backends.store import Store
from tests.unit.store_world import ACCOUNT, REGION, at, open_store, sweep

OTHER = "us-east-1"
SCOPE = Scope.of([(ACCOUNT, REGION), (ACCOUNT, OTHER)])
ARN = "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:1:autoScalingGroupName/web"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, (INSTANCE, INSTANCE_CPU, VOLUME, GROUP))
    for region in (REGION, OTHER):
        sweep(store, GROUP, 0, [{"id": "web", "name": "web", "arn": ARN.replace(REGION, region)}], region=region)
    sweep(store, INSTANCE, 0, [{"id": "i-1", "instance_id": "i-1", "name": "web"}])
    sweep(store, INSTANCE_CPU, 0, [{"id": "i-1", "instance_id": "i-1"}])
    sweep(store, VOLUME, 0, [{"id": "vol-1", "volume_id": "vol-1", "name": "data"}])
    sweep(store, VOLUME, 5, [])
    yield store
    store.close()


def found(store: Store, word: str, *kinds: str, scope: Scope = SCOPE, moment: datetime | None = None) -> list[str]:
    matches = json.loads(store.find(word, scope, kinds, moment))["matches"]
    return [f"{match['kind']} {match['region']}{' gone' if match['gone'] else ''}" for match in matches]


def test_an_id_is_of_the_resource_and_not_of_what_tells_of_its_use(store: Store) -> None:
    assert found(store, "i-1") == [f"ec2.instance {REGION}"]
    assert found(store, "i-1", "cloudwatch.instance_cpu") == [f"cloudwatch.instance_cpu {REGION}"]


def test_a_name_is_of_all_that_are_called_so_until_it_is_narrowed(store: Store) -> None:
    groups = [f"autoscaling.group {REGION}", f"autoscaling.group {OTHER}"]
    assert found(store, "web") == [*groups, f"ec2.instance {REGION}"]
    assert found(store, "web", "autoscaling.group") == groups
    assert found(store, "web", scope=SCOPE.narrowed(regions=[OTHER])) == groups[1:]
    assert found(store, ARN) == groups[:1] and found(store, "we") == []


def test_what_is_gone_is_found_where_nothing_of_that_name_is_there(store: Store) -> None:
    assert found(store, "data") == [f"ec2.volume {REGION} gone"]
    assert found(store, "vol-1", moment=at(3)) == [f"ec2.volume {REGION}"]
    assert found(store, "vol-1", moment=at(-3)) == []
    sweep(store, VOLUME, 9, [{"id": "vol-1", "volume_id": "vol-1", "name": "data"}])
    assert found(store, "data") == [f"ec2.volume {REGION}"]
