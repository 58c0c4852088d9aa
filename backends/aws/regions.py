"""Which regions an account uses: those that DescribeRegions tells are not "not-opted-in"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backends.aws.requests import Line, Refusal, Requester


async def enabled_regions(
    requester: Requester, client: Any, line: Line, fallback: str, wanted: Sequence[str] = ()
) -> tuple[tuple[str, ...], str, bool]:
    """The enabled regions, sorted, of those `wanted` where any are named; a sentence where they are not all, else "";
    whether AWS told them.

    Where it did not: those wanted, else the fallback.
    """
    instead = tuple(sorted(wanted)) or (fallback,)
    try:
        answer = await requester.send(client, line, "ec2", "DescribeRegions", {"AllRegions": True}, 0.0)
    except Refusal as refusal:
        return instead, _not_all(refusal.verdict.problem), False
    found = {
        region["RegionName"]
        for region in answer.get("Regions", [])
        if region.get("RegionName") and region.get("OptInStatus", "opt-in-not-required") != "not-opted-in"
    }
    if not found:
        return instead, _not_all("ec2:DescribeRegions named no region."), False
    if missing := sorted(set(wanted) - found):
        return tuple(sorted(found & set(wanted))), f"Not enabled in this account: {', '.join(missing)}.", True
    return tuple(sorted(wanted or found)), "", True


def _not_all(why: str) -> str:
    return f"Its regions are not known now, so some may not be shown: {why}"
