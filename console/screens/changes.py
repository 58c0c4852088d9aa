"""What was added, changed and removed between two instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backends.client import Json
from console.authors import UNKNOWN, done_by
from console.freshness import blind
from console.screens.change import LOOKS, SIGNS, ChangeScreen
from console.screens.columns import ACCOUNT, account_of
from console.screens.listing import ListingScreen
from console.widgets import format as fmt
from console.widgets.sanitise import sanitise
from console.widgets.table_columns import TableColumn

_TRAIL = "cloudtrail.event"
_UNSEEN = "None of it was observed in that time: whether anything changed is not known."


def _fields(value: object) -> str:
    fields = value if isinstance(value, list) else []
    return ", ".join(
        f"{sanitise(str(f.get('field')))}: {fmt.listing(f.get('before'))} → {fmt.listing(f.get('after'))}"
        for f in fields
    )


def _by_look(value: object) -> str:
    return "stale" if value == UNKNOWN else "link"


def _time_of_day(value: object) -> str:
    """The time where it was in the last half day, the date else: on 80 columns one of them has to do."""
    at = fmt.instant(value)
    if at is None:
        return fmt.MISSING
    return f"{at:%H:%MZ}" if abs(datetime.now(UTC) - at) < timedelta(hours=12) else f"{at:%m-%dT%H}"


_AT = TableColumn("at", "at", cells=8, fixed=True, text=_time_of_day)


class ChangesScreen(ListingScreen):
    help_page = "changes"
    nothing = "Nothing changed in what was observed."
    topics = frozenset({"*", "coverage"})
    columns = (
        TableColumn("at", "at", cells=12, fixed=True, text=fmt.clock, small=_AT),
        TableColumn(
            "what",
            "what",
            cells=10,
            fixed=True,
            text=lambda v: f"{SIGNS.get(v, '?')} {v}",
            look=lambda v: LOOKS.get(v, ""),
        ),
        TableColumn("kind", "kind"),
        TableColumn("name", "name", most=24, small=TableColumn("name", "name", most=21, whole=True)),
        TableColumn("by", "by", cells=20, look=_by_look, small=TableColumn("by", "by", cells=14, look=_by_look)),
        ACCOUNT,
        TableColumn("fields", "changes", text=_fields, look=lambda _: "muted"),
        TableColumn("done", "done", narrow=False, look=lambda _: "muted"),
    )

    def __init__(self, since: str) -> None:
        super().__init__()
        self.since = since
        self.unobserved: list[str] = []
        self.truncated = False

    def focus_on_screen(self) -> None:
        """Who did it is asked of CloudTrail sooner while somebody looks."""
        self.desk.focus_kinds([_TRAIL])

    async def read(self) -> list[Json]:
        assert self.session.client is not None
        answer = await self.session.client.changes(
            since=self.since,
            until=self.session.at,
            accounts=self.session.narrowing.accounts,
            regions=self.session.narrowing.regions,
        )
        self.as_of = str(answer.get("until") or "")
        self.nothing = _UNSEEN if blind(answer) else ChangesScreen.nothing
        gaps = answer.get("unobserved") or ()
        self.unobserved = sorted({f"{gap['kind']}@{gap['account']}/{gap['region']}" for gap in gaps})
        self.truncated = bool(answer.get("truncated"))
        return [
            {
                **change,
                "resource": change.get("ref"),
                "done": done_by(change),
                "account": account_of(change.get("ref")),
                "ref": f"{number}:{change.get('ref')}",
            }
            for number, change in enumerate(answer.get("changes", ()))
        ]

    def trail(self) -> str:
        return f"changes since {self.since}"

    def footer_parts(self) -> list[tuple[str, str]]:
        parts = super().footer_parts()
        if self.truncated:
            parts.append(("more than shown", "warn"))
        if self.unobserved:
            parts.append((f"{len(self.unobserved)} not observed throughout", "stale"))
        return parts

    def open_row(self, row: Json) -> None:
        """The change, above its resource."""
        if row.get("resource"):
            self.desk.push_screen(ChangeScreen(str(row["resource"]), self.trail(), row))
