"""Whether AWS offers a service in a partition at all, as botocore's own list of endpoints tells."""

from __future__ import annotations

from typing import Any

_EVERYWHERE = "sts"
"""No partition is without it: a list in which it is missing has not been made yet."""


def offered(loader: Any, partition: str, service: str) -> bool:
    """False only where the list is sure: it has the partition's services, and knows this one from another partition."""
    lists = {one["partition"]: one["services"] for one in loader.load_data("endpoints")["partitions"]}
    prefix = loader.load_service_model(service, "service-2")["metadata"]["endpointPrefix"]
    here = lists.get(partition, {})
    return _EVERYWHERE not in here or prefix in here or not any(prefix in services for services in lists.values())
