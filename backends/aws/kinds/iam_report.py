"""IAM's credential report as steps of a sweep: what it tells of every user at the price of two requests.

AWS makes it at most every four hours: what it tells may be that old, and users made since are not in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from backends.model import Call, Json

ROOT = "<root_account>"
NOT_YET = ("ReportInProgress", "ReportNotPresent", "ReportExpired")
_NOTHING = frozenset({"N/A", "no_information", "not_supported", ""})


def report_rows(pages: Iterable[Json]) -> list[Json]:
    """The report's lines by column, what AWS writes for nothing left out."""
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page["Content"].decode()))]
    return [{name: value for name, value in row.items() if name and value not in _NOTHING} for row in rows]


def _by_user(elements: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    return [{"Report": {row["user"]: row for row in report_rows(pages)}}]


def _told(elements: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    report = elements[0].get("Report") or {}
    users = [user for page in pages for user in page.get("UserDetailList", [])]
    return [{"Detail": user, "Report": report.get(user["UserName"], {})} for user in users]


REPORT = (
    Call("GenerateCredentialReport", "@", optional=True),
    Call("GetCredentialReport", "@", answer=_by_user, not_yet=NOT_YET, optional=True),
)
"""Give one element, {"Report": user → line}; nothing in it where the report may not be read."""

USERS = Call(
    "GetAccountAuthorizationDetails",
    "UserDetailList",
    parameters={"Filter": ["User"]},
    page=("MaxItems", 1000),
    answer=_told,
)
"""After REPORT: the users there are now as {"Detail": …, "Report": their line}."""
