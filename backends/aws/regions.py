"""Which regions an account uses: those that DescribeRegions tells are not "not-opted-in"."""

from __future__ import annotations

from typing import Any

from backends.aws.coverage import classify
from backends.aws.requests import Line, Refusal, Requester


async def enabled_regions(requester: Requester, client: Any, line: Line, fallback: str) -> tuple[tuple[str, ...], str]:
    """The enabled regions, sorted, and "". Where they cannot be asked: the fallback and a sentence."""
    try:
        answer = await requester.send(client, line, "ec2", "DescribeRegions", {"AllRegions": True}, 0.0)
    except Refusal as refusal:
        return (fallback,), f"Only {fallback} is shown: {refusal.verdict.problem}"
    found = sorted(
        region["RegionName"]
        for region in answer.get("Regions", [])
        if region.get("RegionName") and region.get("OptInStatus", "opt-in-not-required") != "not-opted-in"
    )
    if not found:
        problem = classify(ValueError("it named no region"), "ec2", "DescribeRegions").problem
        return (fallback,), f"Only {fallback} is shown: {problem}"
    return tuple(found), ""
