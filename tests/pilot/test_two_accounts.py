"""Where the scope has two accounts, the rows of one are told from those of the other, on 80 columns too."""

from __future__ import annotations

from typing import Any

import pytest

from backends.aws.kinds import KINDS
from backends.model import Kind
from console.screens.columns import columns_of
from console.widgets.table_columns import TableColumn, lay_out, widths_of
from console.widgets.table_columns import text_of as text_in
from tests.pilot.conftest import Open, text_of, until
from tests.pilot.fake_backend import FakeClient

IDS = {"111122223333": "i-0315311d216041b12", "444455556666": "i-23047b05d3292eed7"}


def on_80(kind: Kind) -> dict[str, int]:
    """The columns of a kind's table in 80 columns, and their cells, where every text is 20 cells long."""
    columns = columns_of(kind.as_json(), accounts=True, regions=True)
    shown: list[TableColumn] = [column.small or column for column in columns if column.narrow or column.fixed]
    texts = {column.name: 20 for column in shown}
    geometry = lay_out(shown, list(texts), widths_of(shown, texts), 80, 0)
    return {place.column.name: place.cells for place in geometry.placed}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_80_columns_show_whose_a_row_is_beside_what_it_is_called(kind: Kind) -> None:
    shown = on_80(kind)
    assert shown["account"] == 5
    called = next(column.name for column in kind.columns if column.narrow)
    assert called in shown
    if called.endswith("_id"):
        assert shown[called] == 20, "an id is never cut to make room"
    if called == "name" and kind.regional:
        assert shown["region"] == 14, "names come again from region to region"


def test_what_is_of_a_day_is_dated() -> None:
    daily = next(kind for kind in KINDS if kind.name == "cost.daily")
    day = next(column for column in columns_of(daily.as_json(), accounts=False, regions=False) if column.name == "day")
    assert text_in(day, "2026-11-24T00:00:00Z") == "2026-11-24"


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_the_same_advice_about_two_instances_is_read_apart(
    console: Open, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    (like, *_) = await FakeClient().advice()
    title = "Stop the idle m5.xlarge reporting-worker of the nightly batch"
    rows = [
        {**like, "id": id, "ref": f"ec2.instance@{account}/us-east-1/{id}", "title": title}
        for account, id in IDS.items()
    ]
    monkeypatch.setattr(FakeClient, "advice", answering(rows))
    async with console("advice", size=size) as (app, pilot, _):
        await until(pilot, lambda: title[:30] in text_of(app))
        lines = [line for line in text_of(app).splitlines() if title[:30] in line]
        assert [[id for id in IDS.values() if id in line] for line in lines] == [[id] for id in IDS.values()]
        assert [account[-4:] in line for account, line in zip(IDS, lines, strict=True)] == [True, True]


async def test_the_same_anomaly_of_two_accounts_is_two_rows(console: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    (like, *_) = await FakeClient().anomalies()
    monkeypatch.setattr(FakeClient, "anomalies", answering([{**like, "account": account} for account in IDS]))
    async with console("home") as (app, pilot, _):
        await pilot.press("colon", *"anomalies", "enter")
        await until(pilot, lambda: "cost/AmazonEC2" in text_of(app))
        lines = [line for line in text_of(app).splitlines() if "cost/AmazonEC2" in line]
        assert sorted(line[line.index("…") :][:5] for line in lines) == ["…3333", "…6666"]
        await pilot.press("j")
        assert app.screen.table.mark.index == 1  # type: ignore[attr-defined]
        assert app.screen.table.current_key.startswith("444455556666")  # type: ignore[attr-defined]


def answering(rows: list[dict[str, Any]]) -> Any:
    async def answer(*_: Any, **__: Any) -> list[dict[str, Any]]:
        return rows

    return answer
