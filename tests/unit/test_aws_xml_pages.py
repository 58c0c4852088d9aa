"""Pages read as arrays: field for field what botocore's parse, redaction, paths and conversion give, or not at all."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.aws.answers import elements_of
from backends.aws.kinds import KINDS
from backends.aws.lean_xml import read_xml
from backends.aws.parsers import PageMaker, written
from backends.aws.xml_pages import Irregular, Plan
from backends.model import Call, Column, Kind
from tests.unit.aws_fakes import rows_of, session
from tests.unit.test_aws_lean_xml import botocores

BY_NAME = {kind.name: kind for kind in KINDS}
NAMESPACE = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
KEPT = {"spot.price": {"ZoneId": 'euw1-"az1"'}}
NAMES = [
    *("ec2.instance", "ec2.instance_status", "ec2.volume", "ec2.spot_request", "spot.price"),
    *("vpc.network_interface", "vpc.security_group", "vpc.subnet"),
]
PLANS: dict[str, Plan] = {}

TEXTS = st.one_of(
    st.sampled_from(
        ["", "plain", "a & b", 'say "so"', "back\\slash", "line\nbreak\ttab", "<tag>", "é 漢字 🚀", " padded "]
    ),
    st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"), max_size=12),
)
KEYS = st.one_of(
    st.sampled_from(["Name", "db_password", "token", "aws:autoscaling:groupName", "eks:nodegroup-name"]), TEXTS
)


def shape_of(kind: Kind) -> Any:
    return session().get_service_model("ec2").operation_model(kind.calls[-1].operation).output_shape


def plan_of(name: str) -> Plan:
    if name not in PLANS:
        PLANS[name] = Plan(BY_NAME[name], BY_NAME[name].calls[-1], shape_of(BY_NAME[name]))
    return PLANS[name]


def slowly(kind: Kind, body: bytes) -> tuple[PageMaker, list[dict[str, Any]]]:
    maker = PageMaker(kind)
    answer = botocores(body, shape_of(kind), "ec2")
    return maker, rows_of(maker.page(elements_of(kind.calls[-1], answer, KEPT.get(kind.name, {})))[0])


def quickly(kind: Kind, body: bytes) -> tuple[PageMaker, list[dict[str, Any]]]:
    maker = PageMaker(kind)
    _, batch = maker.read(plan_of(kind.name), body, KEPT.get(kind.name, {}))
    return maker, rows_of(written([batch]))


def unhashed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "hash"} for row in rows]


class Writer:
    """Writes XML of a shape with drawn members and values, indented or not."""

    def __init__(self, draw: Any, must: dict[str, str]) -> None:
        self.draw, self.must = draw, must
        self.gap = draw(st.sampled_from(["", "\n    ", " "]))
        self.number = 0

    def __call__(self, shape: Any, name: str = "", depth: int = 0) -> str:
        if shape.type_name == "structure":
            return self._structure(shape, depth)
        if shape.type_name == "list":
            count = self.draw(st.integers(1 if name in self.must else 0, 3))
            items = (f"{self.gap}<item>{self(shape.member, name, depth + 1)}</item>" for _ in range(count))
            return "".join(items)
        return escape(self._scalar(shape.type_name, name))

    def _structure(self, shape: Any, depth: int) -> str:
        optional = st.lists(st.sampled_from(sorted(shape.members)), max_size=6 if depth < 4 else 2, unique=True)
        chosen = self.draw(optional)
        chosen += [name for name in (*self.must, "Key", "Value") if name in shape.members and name not in chosen]
        found = ""
        for name in self.draw(st.permutations(chosen)):
            member = shape.members[name]
            tag = member.serialization.get("name", name)
            inner = self(member, name, depth + 1)
            empty = not inner and self.draw(st.booleans())
            found += f"{self.gap}<{tag}/>" if empty else f"{self.gap}<{tag}>{inner}</{tag}>"
        return found + ("<newFromAws><deep>1</deep></newFromAws>" if self.draw(st.integers(0, 9)) == 0 else "")

    def _scalar(self, kind: str, name: str) -> str:
        if name in self.must:
            self.number += 1
            return self.must[name] + str(self.number)
        if name == "Key":
            self.number += 1
            return str(self.draw(KEYS)) + ("" if self.draw(st.booleans()) else str(self.number))
        values = {
            "integer": st.integers(-(10**9), 10**12).map(str),
            "long": st.integers(-(10**9), 10**12).map(str),
            "boolean": st.sampled_from(["true", "false", ""]),
            "timestamp": st.sampled_from(
                ["2026-11-23T14:02:11.000Z", "2026-11-23T14:02:11Z", "2026-13-45T99:00:00Z", ""]
            ),
        }
        if name == "SpotPrice":
            return str(self.draw(st.sampled_from(["0.031400", "1.5", "12", "", "nan", "1e-3", "many"])))
        return str(self.draw(values.get(kind, TEXTS)))


MUST = {
    "ec2.instance": {"InstanceId": "i-", "Reservations": "", "Instances": ""},
    "ec2.instance_status": {"InstanceId": "i-", "InstanceStatuses": ""},
    "ec2.volume": {"VolumeId": "vol-", "Volumes": ""},
    "ec2.spot_request": {"SpotInstanceRequestId": "sir-", "SpotInstanceRequests": ""},
    "spot.price": {
        "InstanceType": "m",
        "ProductDescription": "p",
        "Timestamp": "2026-11-20T10:00:0",
        "SpotPriceHistory": "",
    },
    "vpc.network_interface": {"NetworkInterfaceId": "eni-", "NetworkInterfaces": ""},
    "vpc.security_group": {"GroupId": "sg-", "SecurityGroups": ""},
    "vpc.subnet": {"SubnetId": "subnet-", "Subnets": ""},
}
read, refused = 0, 0


@settings(max_examples=180, deadline=None)
@given(st.data(), st.sampled_from(NAMES))
def test_any_page_reads_as_botocore_reads_it_or_is_left_to_it(data: st.DataObject, name: str) -> None:
    global read, refused
    kind = BY_NAME[name]
    inner = Writer(data.draw, MUST[name])(shape_of(kind))
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<R {NAMESPACE}>{inner}</R>'.encode()
    try:
        quick, rows = quickly(kind, body)
    except Irregular:
        refused += 1
        return
    read += 1
    slow, expected = slowly(kind, body)
    assert unhashed(rows) == unhashed(expected)
    assert (quick.unfit, quick.ids) == (slow.unfit, slow.ids)


def test_most_of_those_pages_were_read_as_arrays() -> None:
    assert read > refused, (read, refused)


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("ec2.instance_status", "<instanceStatusSet><item><instanceId>i-1</instanceId></item></instanceStatusSet>"),
        ("ec2.volume", "<volumeSet><item><volumeId>vol-1</volumeId></item></volumeSet>"),
        (
            "vpc.network_interface",
            "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId></item></networkInterfaceSet>",
        ),
    ],
)
def test_no_column_of_a_hot_kind_needs_an_object_per_element(name: str, listed: str) -> None:
    read = plan_of(name).read(f"<R {NAMESPACE}>{listed}</R>".encode(), {})
    assert read.slow == [] and set(read.columns) == {column.name for column in BY_NAME[name].columns}


INSTANCE = """
<item><instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></instanceState>
<launchTime>2026-11-20T10:03:11.000Z</launchTime><clientToken>CANARY-1</clientToken><ebsOptimized>true</ebsOptimized>
<tagSet><item><key>z &amp; &#38; &quot;</key><value>line&#10;two \\ é</value></item>
<item><key>Name</key><value>web</value></item><item><key>api_token</key><value>CANARY-2</value></item></tagSet>
<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId></ebs></item></blockDeviceMapping>
<metadataOptions><httpPutResponseHopLimit>2</httpPutResponseHopLimit></metadataOptions><reason/></item>
"""


def instances(*items: str, head: str = "", tail: str = "") -> bytes:
    reservations = "".join(
        f"<item><reservationId>r-{number}</reservationId><ownerId>1</ownerId><instancesSet>{item}</instancesSet></item>"
        for number, item in enumerate(items)
    )
    return f"{head}<R {NAMESPACE}><reservationSet>{reservations}</reservationSet>{tail}</R>".encode()


def test_a_page_of_instances_is_read_whole_and_its_token_told() -> None:
    kind = BY_NAME["ec2.instance"]
    body = instances(
        INSTANCE, "<item><instanceId>i-2</instanceId></item>", tail="<nextToken>more &amp; more</nextToken>"
    )
    told, _ = PageMaker(kind).read(plan_of(kind.name), body, {})
    assert told == {"NextToken": "more & more"}
    _, rows = quickly(kind, body)
    assert unhashed(rows) == unhashed(slowly(kind, body)[1])
    first, second = rows
    assert (first["name"], first["state"], first["imds_hops"], first["volumes"]) == ("web", "running", 2, ["vol-1"])
    assert (second["state"], second["tags"], second["lifecycle"], second["reservation_id"]) == (
        None,
        None,
        "on-demand",
        "r-1",
    )
    assert first["raw"]["RequesterId"] is None and first["raw"]["ReservationId"] == "r-0"
    assert json.loads(first["tags"]) == {"Name": "web", "api_token": "[redacted]", 'z & & "': "line\ntwo \\ é"}
    assert "CANARY" not in json.dumps(rows, default=str)


def test_the_same_element_has_the_same_hash_and_another_declaration_another() -> None:
    kind = BY_NAME["ec2.instance"]
    body = instances(INSTANCE)
    [once], [again] = quickly(kind, body)[1], quickly(kind, body)[1]
    assert once["hash"] == again["hash"] is not None
    [changed] = quickly(kind, body.replace(b"<code>16", b"<code>17"))[1]
    fewer = Kind("t.t", "T", "ec2", kind.calls, ("instance_id",), kind.columns[:2])
    _, batch = PageMaker(fewer).read(Plan(fewer, fewer.calls[0], shape_of(kind)), body, {})
    assert len({once["hash"], changed["hash"], rows_of(written([batch]))[0]["hash"]}) == 3


@pytest.mark.parametrize(
    "body",
    [
        instances(INSTANCE, INSTANCE),
        instances("<item><instanceId/></item>"),
        instances("<item><instanceId>i-1</instanceId><instanceId>i-2</instanceId></item>"),
        instances("<item><instanceId>i-1<b/></instanceId></item>"),
        instances("<item><instanceId><![CDATA[i-1]]></instanceId></item>"),
        instances("<item><instanceId>i-1</instanceId><!-- a comment --></item>"),
        instances("<item><instanceId>i-1</instanceId><amiLaunchIndex>007</amiLaunchIndex></item>"),
        instances("<item><instanceId>i-1</instanceId><imageId>&undefined;</imageId></item>"),
        instances("<item><instanceId>i-1</instanceId><imageId>&#1;</imageId></item>"),
        instances("<item><instanceId>i-1</instanceId><imageId>a & b</imageId></item>"),
        instances("<item><instanceId>i-1</imageId></item>"),
        instances("<item><instanceId a='b'>i-1</instanceId></item>"),
        instances("<item><x:instanceId>i-1</x:instanceId></item>"),
        instances("<item><instanceId>i-1</instanceId><imageId>\r\n</imageId></item>"),
        instances("<item><instanceId>i-1</instanceId><imageId>]]></imageId></item>"),
        instances("<item><instanceId>i-1</instanceId><imageId>-----BEGIN PRIVATE KEY-----</imageId></item>"),
        instances(INSTANCE, head='<!DOCTYPE r [<!ENTITY a "b">]>'),
        instances(INSTANCE)[:-20],
        instances(INSTANCE) + b"<R/>",
        instances(INSTANCE).replace(b"web", b"\xff\xfe"),
        instances(INSTANCE).replace(b"web", b"\x07"),
        b"",
        b"<html>",
        b"nonsense",
    ],
)
def test_what_is_not_of_the_plain_style_is_left_to_lxml(body: bytes) -> None:
    with pytest.raises(Irregular):
        quickly(BY_NAME["ec2.instance"], body)


def test_what_a_kind_declares_as_secret_is_blanked_wherever_it_stands() -> None:
    calls = (Call("DescribeInstances", "Instances", within="Reservations"),)
    columns = (Column("id_", "InstanceId"), Column("zone", "Placement.AvailabilityZone"), Column("state", "State.Name"))
    kind = Kind(
        "t.t", "T", "ec2", calls, ("id_",), columns, redact=("Placement.AvailabilityZone", "Tags[].Value", "State")
    )
    body = instances(
        INSTANCE.replace("<reason/>", "<placement><availabilityZone>CANARY-3</availabilityZone></placement>")
    )
    maker = PageMaker(kind)
    _, batch = maker.read(Plan(kind, calls[0], shape_of(kind)), body, {})
    [row] = rows_of(written([batch]))
    [expected] = rows_of(PageMaker(kind).page(elements_of(calls[0], read_xml(body, shape_of(kind)), {}))[0])
    assert unhashed([row]) == unhashed([expected])
    assert (row["zone"], row["state"], row["raw"]["State"]) == ("[redacted]", None, "[redacted]")
    assert "CANARY" not in str(row)
