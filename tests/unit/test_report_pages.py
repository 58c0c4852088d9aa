"""Reports: complete, self-contained, and harmless whatever AWS says."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from cli_samples import HOSTILE, MARKET, Daemon, advice, anomaly, forecast
from hypothesis import given, settings
from hypothesis import strategies as st

from console.freshness import blind
from console.reports.charts import cost_by_day, fan
from console.reports.gather import FANS, TABLE_ROWS, gather
from console.reports.pages import market_title
from console.reports.text import clean, gaps, plan_command, words
from console.reports.write import render

DANGEROUS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@pytest.fixture(scope="module")
def report() -> dict[str, object]:
    return gather(Daemon(total=100))


class Page(HTMLParser):
    """Which elements and addresses a page has, and whether every element is closed."""

    void = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_has_every_section_and_is_well_formed(report: dict[str, object]) -> None:
    text = render(report, ".html")
    page = Page(text)
    assert page.open == []
    assert "2026-11-23 13:00 (111122223333/eu-west-1: 2026-11-22 18:00)" in text, "each table says how old it is"
    for section in ("attention", "inventory", "changes", "forecasts", "costs", "advice", "coverage", "audit"):
        assert f'<section id="{section}">' in text
    assert "SIMULATED AWS" in text


def test_the_page_fetches_nothing_and_runs_nothing(report: dict[str, object]) -> None:
    text = render(report, ".html")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses)
    assert not re.search(r"url\(|@import", text)
    assert "@media print" in text and "prefers-color-scheme: dark" in text


@pytest.mark.parametrize("form", [".html", ".md"])
def test_hostile_names_are_shown_and_do_nothing(report: dict[str, object], form: str) -> None:
    text = render(report, form)
    assert not DANGEROUS.search(text)
    assert "<script" not in text.replace("\\<script", "")
    assert "owned" in text and "gnp.exe" in text


def test_json_holds_the_exact_values(report: dict[str, object]) -> None:
    found = json.loads(render(report, ".json"))
    assert found["inventory"][0]["rows"][0][3] == HOSTILE
    assert found == report


def test_what_is_cut_is_told(report: dict[str, object]) -> None:
    for form in (".html", ".md"):
        assert f"The first {TABLE_ROWS} of 100 are shown" in render(report, form)
        assert f"The first {TABLE_ROWS}" not in render(gather(Daemon(total=TABLE_ROWS)), form)


def test_a_report_on_aws_in_china_has_no_dollars() -> None:
    class InChina(Daemon):
        def status(self) -> dict[str, Any]:
            return super().status() | {"partition": "aws-cn"}

    page, text = (render(gather(InChina()), form) for form in (".html", ".md"))
    assert "CNY 12.50 a month" in text and "CNY 12.50 a month" in page
    assert "2026-11-20: CNY 900.00" in page and re.search(r"CNY 0\.0\d{3}</text>", page)
    assert not re.search(r"\$\d", page + text)
    assert "cost (USD, prices of the partition aws, not of aws-cn)" in page


def test_advice_of_which_none_is_priced_is_not_worth_nothing() -> None:
    class Unpriced(Daemon):
        def advice(self) -> list[dict[str, Any]]:
            return [advice() | {"monthly_saving": None}]

    page, text = (render(gather(Unpriced()), form) for form in (".html", ".md"))
    assert "Altogether unpriced; 1 without a price" in text and "Altogether <b>unpriced</b>; 1 without" in page
    assert "$0.00" not in page + text


def test_what_was_imported_is_no_account() -> None:
    class Importing(Daemon):
        def coverage(self) -> dict[str, Any]:
            rows = super().coverage()["rows"]
            return {"rows": [*rows, rows[0] | {"account": "imported"}]}

    assert gather(Importing())["accounts"] == ["111122223333"]


def test_a_market_without_a_forecast_says_why() -> None:
    class Young(Daemon):
        def forecast(self, ref: str) -> dict[str, object]:
            return {"ref": ref, "reason": "only 3 days of prices are known", "horizon": []}

    assert "only 3 days of prices are known" in render(gather(Young()), ".html")


def test_an_empty_store_makes_a_report_that_says_so() -> None:
    class Empty(Daemon):
        def forecasts(self) -> list[dict[str, object]]:
            return []

        def costs(self) -> dict[str, object]:
            return {"days": [], "services": [], "total": [], "as_of": None, "source": ""}

        anomalies = advice = forecasts  # type: ignore[assignment]

        def audit(self, limit: int = 0) -> list[dict[str, object]]:
            return []

    text = render(gather(Empty(total=0)), ".html")
    for sentence in ("There is no forecast", "No costs are known", "No anomaly is flagged", "There is no advice"):
        assert sentence in text


def test_a_report_of_an_instant_that_was_not_observed_has_no_zeros() -> None:
    class Blind(Daemon):
        def rows(self, kind: str, **_: Any) -> dict[str, Any]:
            coverage = {"states": {"unobserved": 6}, "problems": [], "newest_good": None}
            return super().rows(kind) | {"at": "2020-01-01T00:00:00Z", "total": 0, "rows": [], "coverage": coverage}

        def home(self) -> dict[str, Any]:
            return {"attention": [], "counts": {}, "coverage": {"states": {"unobserved": 98}}}

        def audit(self, limit: int = 0) -> list[dict[str, Any]]:
            return []

    blind = gather(Blind(total=0)) | {"at": "2020-01-01T00:00:00Z"}
    assert blind["inventory"][0]["total"] is None
    for form, cell in ((".html", '<td class="n">–</td>'), (".md", "| – | unobserved=6 | never |")):
        text = render(blind, form).replace("\\", "")
        assert cell in text and "nothing had been observed by then" in text
        assert "nothing was observed at that instant" in text and "Nothing that is observed needs" not in text
        assert "Nothing had been changed through Quarterdeck by then" in text


def test_naive_being_better_is_said_beside_the_fan() -> None:
    class Humble(Daemon):
        def forecast(self, ref: str) -> dict[str, object]:
            return forecast(ref) | {"skill": forecast()["skill"] | {"naive_better": True}}

    assert "the naive forecast has done better" in render(gather(Humble()), ".html")


def test_the_markets_that_move_most_are_drawn() -> None:
    class Many(Daemon):
        def forecasts(self) -> list[dict[str, object]]:
            return [{"ref": f"{MARKET}{n}", "change_24": (-1) ** n * n / 100} for n in range(40)]

    fans = gather(Many())["forecasts"]["fans"]
    assert [found["ref"] for found in fans] == [f"{MARKET}{n}" for n in range(39, 39 - FANS, -1)]


def test_a_fan_nests_its_bands_and_names_its_market() -> None:
    root = ElementTree.fromstring(str(fan(forecast(), market_title(MARKET))))
    classes = [path.get("class") for path in root.iter("path")]
    assert [name for name in classes if name and name.startswith("band")] == ["band95", "band80", "band50"]
    assert {"history", "median", "naive"} <= set(classes)
    assert root.findtext("title") == "us-east-1 · use1-az1 · m5.large · Linux/UNIX"
    last = {name: _vertical_reach(root, name) for name in ("band95", "band80", "band50")}
    assert last["band95"] > last["band80"] > last["band50"] > 0


def _vertical_reach(root: ElementTree.Element, name: str) -> float:
    path = next(path.get("d") or "" for path in root.iter("path") if path.get("class") == name)
    heights = [float(y) for y in re.findall(r"[ML][\d.-]+ ([\d.-]+)", path)]
    return max(heights) - min(heights)


def test_a_flagged_day_is_marked_by_shape_and_says_its_value() -> None:
    days = [f"2026-11-{day:02d}" for day in range(14, 24)]
    root = ElementTree.fromstring(str(cost_by_day(days, [300.0] * 6 + [900.0, None, 300.0, 300.0], [anomaly()], "EC2")))
    flagged = [bar for bar in root.iter("rect") if bar.get("class") == "flagged"]
    assert len(flagged) == 1 and "$900.00" in (flagged[0].findtext("title") or "")
    assert [path for path in root.iter("path") if path.get("class") == "mark"]
    assert len([bar for bar in root.iter("rect") if bar.get("class") in ("bar", "flagged")]) == 9


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_any_text_becomes_one_harmless_line(text: str) -> None:
    assert not DANGEROUS.search(clean(text))
    assert "\n" not in clean(text)
    clean(text).encode()


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_any_title_makes_a_well_formed_chart(title: str, label: str) -> None:
    ElementTree.fromstring(str(fan(forecast(), title)))
    ElementTree.fromstring(str(cost_by_day(["2026-11-20"], [1.0], [anomaly() | {"label": label}], title)))


def test_the_same_price_anomaly_of_two_accounts_is_one_line() -> None:
    class Two(Daemon):
        def anomalies(self) -> list[dict[str, object]]:
            price = anomaly(series="us-east-1/use1-az1/m5.large") | {"label": "dear"}
            return [price | {"ref": f"spot.price@{account}/us-east-1/x"} for account in ("1", "2")]

    assert render(gather(Two()), ".html").count("<td>dear</td>") == 1


def test_gaps_are_told_by_kind_and_first_polls_in_one_sentence() -> None:
    young = [{"account": "1", "region": "r", "kind": kind, "since": None, "seen": True} for kind in ("a.b", "c.d")]
    late = {"account": "1", "region": "r", "kind": "e.f", "since": "2026-11-23T14:02:00Z", "seen": True}
    told = gaps([*young, late, late | {"region": "s"}])
    assert len(told) == 2 and "e.f was not observed all that time in 1/r and 1 more" in told[0]
    assert told[1].endswith("of a.b, c.d")


def test_a_time_without_a_poll_is_told_from_when_to_when_and_once_for_many_kinds() -> None:
    hole = {
        "account": "1",
        "region": "r",
        "since": "2026-11-23T14:02:00Z",
        "until": "2026-11-23T15:00:00Z",
        "seen": True,
    }
    (told,) = gaps([hole | {"kind": "a.b", "times": 3}])
    span = "no good poll from 2026-11-23 14:02 to 2026-11-23 15:00 UTC, nor 2 times later"
    assert told == f"a.b was not observed all that time in 1/r ({span})"
    (told,) = gaps([hole | {"kind": f"a.k{n}", "times": 1} for n in range(81)])
    assert told.startswith("Not observed all that time: 81 kinds, such as a.k0, a.k1, a.k2, in 1/r (of a.k0: no good")


def test_a_first_poll_that_came_after_that_time_is_not_told_as_one_within_it() -> None:
    never = {"account": "1", "region": "r", "kind": "a.b", "since": None, "seen": False}
    before = {"account": "1", "region": "r", "kind": "e.f", "since": "2026-11-23T14:02:00Z", "seen": False}
    told = gaps([never, before])
    assert "e.f was not observed at all in that time in 1/r" in told[0]
    assert told[1] == "Not observed at all in that time, as no poll had succeeded by its end: a.b"
    assert blind({"places": 2, "unobserved": [never, before]})
    assert not blind({"places": 3, "unobserved": [never, before]})
    assert not blind({"places": 2, "unobserved": [never, before | {"seen": True}]})


def test_of_many_kinds_without_a_first_poll_three_are_named() -> None:
    young = [{"account": "1", "region": "r", "kind": f"a.k{n}", "since": None, "seen": True} for n in range(81)]
    assert gaps(young)[0].endswith("of 81 kinds, such as a.k0, a.k1, a.k2")


def test_cells_are_words() -> None:
    assert words(None) == "" and words(True) == "yes" and words(0.1 + 0.2) == "0.3"
    assert words({"a": 1, "b": ["x", "y"]}) == "a=1, b=x, y"


def test_an_id_cannot_break_out_of_the_command_that_is_suggested() -> None:
    hostile = advice() | {"ref": "ec2.volume@1/r/x'; rm -rf ~; '"}
    assert plan_command(advice()).endswith("-p force=false")
    import shlex

    assert shlex.split(plan_command(hostile))[3] == hostile["ref"]
