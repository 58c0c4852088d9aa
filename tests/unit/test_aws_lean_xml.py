"""The lean reader of XML answers: what botocore's own reads, only faster; and nothing that XML can be made to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import pytest
from botocore.parsers import ResponseParserError, create_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.aws.convert import iso_text
from backends.aws.lean_xml import read_xml
from tests.simulated_aws import SimulatedAws
from tests.unit.aws_fakes import session

READS: list[tuple[str, str, dict[str, Any]]] = [
    ("ec2", "DescribeInstances", {}),
    ("ec2", "DescribeVolumes", {}),
    ("ec2", "DescribeVpcs", {}),
    ("ec2", "DescribeSubnets", {}),
    ("ec2", "DescribeSecurityGroups", {}),
    ("ec2", "DescribeSpotInstanceRequests", {}),
    ("ec2", "DescribeSpotPriceHistory", {"MaxResults": 100}),
    ("ec2", "DescribeAvailabilityZones", {}),
    ("ec2", "DescribeRegions", {}),
    ("ec2", "DescribeLaunchTemplates", {}),
    ("ec2", "DescribeRouteTables", {}),
    ("ec2", "DescribeNetworkInterfaces", {}),
    ("autoscaling", "DescribeAutoScalingGroups", {}),
    ("iam", "GetAccountAuthorizationDetails", {}),
    ("iam", "ListUsers", {}),
    ("elbv2", "DescribeLoadBalancers", {}),
    ("elbv2", "DescribeTargetGroups", {}),
    ("sts", "GetCallerIdentity", {}),
]


def botocores(body: bytes, shape: Any, protocol: str) -> Any:
    parser = create_parser(protocol)
    parser._timestamp_parser = iso_text
    parsed = parser.parse({"headers": {}, "status_code": 200, "body": body, "context": {}}, shape)
    parsed.pop("ResponseMetadata", None)
    return parsed


@pytest.mark.parametrize(("service", "operation", "parameters"), READS, ids=[f"{s}:{o}" for s, o, _ in READS])
def test_it_reads_what_botocore_reads(
    simulated: SimulatedAws, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    client = simulated.client(service, region="eu-west-1")
    caught: list[dict[str, Any]] = []

    def catch(response_dict: dict[str, Any], **_: Any) -> None:
        caught.append(response_dict)

    event = f"before-parse.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register(event, catch)
    try:
        client._make_api_call(operation, parameters)
    finally:
        client.meta.events.unregister(event, catch)
    model = client.meta.service_model
    shape = model.operation_model(operation).output_shape
    body = caught[0]["body"]
    assert len(body) > 200
    assert read_xml(body, shape) == botocores(body, shape, model.resolved_protocol)


def written(shape: Any, draw: Callable[[Any], Any], depth: int = 0) -> str:
    """XML of any members of the shape, in any order, as AWS would write it."""
    if shape.type_name == "structure":
        if depth > 4:
            return ""
        chosen = draw(st.lists(st.sampled_from(sorted(shape.members)), max_size=4, unique=True))
        return "".join(_element(shape.members[name], name, draw, depth) for name in chosen)
    if shape.type_name == "list":
        items = range(draw(st.integers(0, 2)))
        return "".join(f"<item>{written(shape.member, draw, depth + 1)}</item>" for _ in items)
    scalars = {
        "integer": st.integers().map(str),
        "long": st.integers().map(str),
        "double": st.floats(allow_nan=False).map(repr),
        "float": st.floats(allow_nan=False).map(repr),
        "boolean": st.sampled_from(["true", "false", ""]),
        "timestamp": st.sampled_from(["2026-11-23T14:02:11.000Z", "2026-11-23T14:02:11Z"]),
        "blob": st.just("AAEC"),
    }
    text = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"), max_size=8)
    return escape(draw(scalars.get(shape.type_name, text)))


def _element(shape: Any, name: str, draw: Callable[[Any], Any], depth: int) -> str:
    tag = shape.serialization.get("name", name)
    return f"<{tag}>{written(shape, draw, depth + 1)}</{tag}>"


@settings(max_examples=60)
@given(st.data(), st.sampled_from(["DescribeInstances", "DescribeVolumes", "DescribeSecurityGroups", "DescribeImages"]))
def test_any_answer_in_the_shape_reads_alike(data: st.DataObject, operation: str) -> None:
    shape = session().get_service_model("ec2").operation_model(operation).output_shape
    inner = written(shape, data.draw)
    body = f'<?xml version="1.0"?><R xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{inner}</R>'.encode()
    assert read_xml(body, shape) == botocores(body, shape, "ec2")


def output_shape(operation: str) -> Any:
    return session().get_service_model("ec2").operation_model(operation).output_shape


@pytest.mark.parametrize("body", [b"", b"<html>", b"nonsense", b"<a>\x1b</a>", b"<a></b>", b"\xff\xfe", b"<a>\x00</a>"])
def test_what_is_no_xml_is_refused_without_being_repeated(body: bytes) -> None:
    with pytest.raises(ResponseParserError) as caught:
        read_xml(body, output_shape("DescribeVolumes"))
    assert "nonsense" not in str(caught.value)


def test_entities_are_neither_fetched_nor_expanded(tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text("CANARY")
    body = (
        f'<!DOCTYPE r [<!ENTITY f SYSTEM "file://{secret}"><!ENTITY a "{"x" * 1000}">'
        '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        "<r><volumeSet><item><volumeId>&f;</volumeId><snapshotId>&b;</snapshotId></item></volumeSet></r>"
    ).encode()
    found = str(read_xml(body, output_shape("DescribeVolumes")))
    assert "CANARY" not in found
    assert "xxxx" not in found


def test_a_number_that_is_none_is_left_for_the_column_to_refuse_and_an_empty_one_is_none() -> None:
    body = b"<r><volumeSet><item><volumeId>vol-1</volumeId><size>many</size><iops/></item></volumeSet></r>"
    assert read_xml(body, output_shape("DescribeVolumes")) == {
        "Volumes": [{"VolumeId": "vol-1", "Size": "many", "Iops": None}]
    }
