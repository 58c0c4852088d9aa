"""Pages of flat elements: what is compared with the first element only is still what botocore reads, to the byte."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.parsers import ResponseParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.aws.answers import elements_of
from backends.aws.parsers import PageMaker, written
from backends.aws.xml_flat import NotFlat
from backends.aws.xml_pages import Irregular, Plan
from backends.model import Call, Column, Kind
from tests.unit.aws_fakes import rows_of
from tests.unit.test_aws_lean_xml import botocores
from tests.unit.test_aws_xml_pages import BY_NAME, NAMESPACE, shape_of, unhashed

SPOT = BY_NAME["spot.price"]
KEYS = Kind(
    "t.t",
    "T",
    "ec2",
    (Call("DescribeSnapshotTierStatus", "SnapshotTierStatuses"),),
    ("snapshot",),
    (
        Column("snapshot", "SnapshotId"),
        Column("owner", "OwnerId || 'nobody'"),
        Column("progress", "LastTieringProgress", "integer"),
        Column("started", "LastTieringStartTime", "time"),
    ),
)
"""A kind without a series, with a number: any list of flat elements is read so."""
KEPT = {"ZoneId": 'euw1-"az1"'}
LISTS = {"spot.price": "spotPriceHistorySet", "t.t": "snapshotTierStatusSet"}
PLANS = {kind.name: Plan(kind, kind.calls[-1], shape_of(kind)) for kind in (SPOT, KEYS)}
TAGS = {
    "spot.price": ["instanceType", "productDescription", "spotPrice", "timestamp", "availabilityZone", "newFromAws"],
    "t.t": ["snapshotId", "ownerId", "lastTieringProgress", "lastTieringStartTime", "newFromAws", "status"],
}
TEXTS = {
    "instanceType": ["m5.large", "c7g.metal-48xl", "x"],
    "productDescription": ["Linux/UNIX", "Windows", " padded "],
    "spotPrice": ["0.031400", "1.5", "12", "nan", "1e-3", "1.", ".5", "-", "0.0.1", "9" * 30, ""],
    "availabilityZone": ["eu-west-1a", "eu-west-1b", ""],
    "ownerId": ["", "1", "2"],
    "lastTieringProgress": ["0", "17", "-3", "5", "6", "007"],
    "status": ["active", "gone"],
    "newFromAws": ["", "whatever", "]]"],
}
NASTY = [
    *("&amp;", "&#38;", '"', "\\", "<", ">", "/", "\n", "\t", "\r", "\x07", "é", "]]>", "<!-- x -->", "<?x y?>"),
    *("<![CDATA[x]]>", "<item>", "</item>", "<item/>", "<spotPriceHistorySet>", "</spotPriceHistorySet>", "\x00"),
    *("<instanceType>", "</instanceType>", "<instanceType/>", "<spotPrice>1</spotPrice>", "x", " ", "</R>", "<R>"),
]


class Page:
    """A page whose elements are alike, drawn; `text` is the whole answer."""

    def __init__(self, draw: Any, name: str) -> None:
        must = {"spot.price": TAGS[name][:5], "t.t": TAGS[name][:1]}[name]
        others = draw(st.lists(st.sampled_from(TAGS[name]), unique=True, max_size=3))
        tags = draw(st.permutations(list(dict.fromkeys([*must, *others]))))
        gap, rows = draw(st.sampled_from(["", "\n    ", "\t"])), draw(st.integers(1, 5))
        hollow = draw(st.sampled_from([*([""] * 12), *tags]))
        items = ""
        for number in range(rows):
            inner = ""
            for tag in tags:
                text = self._text(draw, tag, number)
                inner += f"{gap}<{tag}/>" if tag == hollow else f"{gap}<{tag}>{text}</{tag}>"
            items += f"{gap}<item>{inner}{gap}</item>"
        tail = draw(st.sampled_from(["", "<nextToken/>", "<nextToken>a &amp; b</nextToken>", "<new><x>1</x></new>"]))
        self.text = f"<R {NAMESPACE}><requestId>1</requestId><{LISTS[name]}>{items}{gap}</{LISTS[name]}>{tail}</R>"

    @staticmethod
    def _text(draw: Any, tag: str, number: int) -> str:
        if tag in ("timestamp", "lastTieringStartTime"):
            usual = f"2026-11-2{draw(st.integers(0, 9))}T10:00:0{number}.000Z"
            return str(draw(st.sampled_from([usual] * 30 + ["2026-13-45T99:00:00.000Z", "1764000000", "x"])))
        return f"snap-{number}" if tag == "snapshotId" else str(draw(st.sampled_from(TEXTS[tag])))


def rows_by(maker: PageMaker, batch: Any) -> tuple[list[dict[str, Any]], Any, Any]:
    return unhashed(rows_of(written([batch]))), maker.unfit, maker.ids


def slowly(kind: Kind, body: bytes) -> Any:
    maker = PageMaker(kind)
    answer = botocores(body, shape_of(kind), "ec2")
    return rows_by(maker, maker.batch(elements_of(kind.calls[-1], answer, KEPT)))


def flatly(kind: Kind, body: bytes) -> Any:
    """The rows of a page that was read flat: NotFlat where it is none, Irregular where it is no page for arrays."""
    plan, maker = PLANS[kind.name], PageMaker(kind)
    _read(plan, body)
    return rows_by(maker, maker.read(plan, body, KEPT)[1])


def _read(plan: Plan, *bodies: bytes) -> Any:
    flat = plan._flat
    assert flat is not None
    return flat.read([flat.page(body) for body in bodies], KEPT)


flat, other = 0, 0


@settings(max_examples=120, deadline=None)
@given(st.data(), st.sampled_from(["spot.price", "t.t"]), st.sampled_from([0, 0, 1, 2]))
def test_a_page_that_is_nearly_regular_reads_as_botocore_reads_it(data: st.DataObject, name: str, spoilt: int) -> None:
    global flat, other
    kind = {"spot.price": SPOT, "t.t": KEYS}[name]
    text = Page(data.draw, name).text
    for _ in range(spoilt):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.sampled_from([0, 0, 1, 7, 30]))
        text = text[:at] + data.draw(st.sampled_from(["", *NASTY])) + text[at + gone :]
    body = text.encode()
    try:
        found = flatly(kind, body)
    except (NotFlat, Irregular):
        other += 1
        return
    flat += 1
    assert found == slowly(kind, body)


def test_many_of_those_pages_were_flat_and_many_were_not() -> None:
    assert flat > 30 and other > 30, (flat, other)


POINT = (
    "<item><instanceType>m5.large</instanceType><productDescription>Linux/UNIX</productDescription>"
    "<spotPrice>0.{}00</spotPrice><timestamp>2026-11-20T10:00:0{}.000Z</timestamp>"
    "<availabilityZone>eu-west-1a</availabilityZone></item>"
)


def prices(*points: str, head: str = "", tail: str = "") -> bytes:
    listed = "".join(points)
    return f"{head}<R {NAMESPACE}><spotPriceHistorySet>{listed}</spotPriceHistorySet>{tail}</R>".encode()


def test_prices_are_read_flat_and_only_the_newest_of_a_market_keeps_its_element() -> None:
    body = prices(*(POINT.format(n, n) for n in range(5)), tail="<nextToken>more</nextToken>")
    plan, maker = PLANS["spot.price"], PageMaker(SPOT)
    told, batch = maker.read(plan, body, KEPT)
    rows = rows_of(written([batch]))
    assert told == {"NextToken": "more"} and flatly(SPOT, body) == slowly(SPOT, body)
    assert [row["price"] for row in rows] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert [row["raw"] is None for row in rows] == [True, True, True, True, False]
    assert rows[4]["raw"]["SpotPrice"] == "0.400" and rows[4]["raw"]["ZoneId"] == KEPT["ZoneId"]
    assert maker.ids == {'euw1-"az1"/m5.large/Linux/UNIX'}


@pytest.mark.parametrize(
    "body",
    [
        prices(POINT, POINT.replace("<spotPrice>0.{}00</spotPrice>", "")),
        prices(POINT, POINT.replace("spotPrice", "spotPrise")),
        prices(POINT, POINT.replace("m5.large", "m5&lt;")),
        prices(POINT, POINT.replace("m5.large", 'm5"')),
        prices(POINT, POINT.replace("m5.large", "m5\\")),
        prices(POINT, POINT.replace("m5.large", "m5\n")),
        prices(POINT, POINT.replace("m5.large", "m5é")),
        prices(POINT, POINT.replace("<instanceType>", "<instanceType a='b'>")),
        prices(POINT.replace("</item>", "<instanceType>c5</instanceType></item>")),
        prices(POINT.replace("<instanceType>m5.large</instanceType>", "<instanceType><b>1</b></instanceType>")),
        prices(POINT, tail="<spotPriceHistorySet/>"),
        prices(POINT, tail="<x>"),
        prices(POINT, head="<!DOCTYPE r>"),
        prices(),
        prices(POINT).replace(b"<R", b"<R><deep", 1).replace(b"</R>", b"</deep></R>"),
        prices(POINT).replace(b"<spotPriceHistorySet>", b"<!--<spotPriceHistorySet>").replace(b"</R>", b"--></R>"),
        prices("<item></item>", "<item></item>"),
        prices("<item><newFromAws>1</newFromAws></item>"),
        b"",
    ],
)
def test_what_is_not_alike_or_not_plain_is_read_otherwise(body: bytes) -> None:
    with pytest.raises(NotFlat):
        _read(PLANS["spot.price"], body)


def test_a_page_that_is_no_xml_is_never_read_flat() -> None:
    body = prices(POINT, POINT)[:-3]
    with pytest.raises(NotFlat):
        _read(PLANS["spot.price"], body)
    with pytest.raises(ResponseParserError):
        botocores(body, shape_of(SPOT), "ec2")


def test_pages_that_follow_one_another_are_read_together_as_one_by_one() -> None:
    plan, maker, alone = PLANS["spot.price"], PageMaker(SPOT), PageMaker(SPOT)
    bodies = [prices(POINT.format(n, n), POINT.format(n, n + 1).replace("m5", "c5")) for n in range(1, 9, 2)]
    held = [page for body in bodies if (page := plan.held(body, KEPT))]
    rows = rows_of(written([maker.together(plan, held, KEPT)]))
    each = [row for body in bodies for row in rows_of(written([alone.read(plan, body, KEPT)[1]]))]
    assert len(held) == 4 and [{**row, "raw": None} for row in rows] == [{**row, "raw": None} for row in each]
    # Of the elements only each market's newest is kept, now of all pages.
    assert [row["raw"] for row in rows] == [None] * 6 + [row["raw"] for row in each[6:]]
    assert maker.ids == alone.ids


@pytest.mark.parametrize(
    "odd",
    [
        prices(POINT.format(1, 1)),
        prices(POINT.format(3, 3).replace("m5.large", "m5&amp;")),
        prices(POINT.format(3, 3).replace("<spotPrice>0.300</spotPrice>", "")),
    ],
    ids=["a point that comes twice", "a reference", "a member missing"],
)
def test_pages_that_do_not_go_together_are_read_one_by_one(odd: bytes) -> None:
    plan = PLANS["spot.price"]
    held = [page for body in (prices(POINT.format(1, 1)), odd) if (page := plan.held(body, KEPT))]
    with pytest.raises(Irregular):
        PageMaker(SPOT).together(plan, held, KEPT)


def test_kinds_with_nested_elements_have_no_flat_reading() -> None:
    kind = BY_NAME["ec2.instance"]
    assert Plan(kind, kind.calls[-1], shape_of(kind))._flat is None
