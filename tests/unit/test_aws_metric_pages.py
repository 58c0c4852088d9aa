"""Metric data read as arrays: field for field what botocore reads, and points that are those of its elements."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from botocore.parsers import ResponseParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.aws.kinds.cloudwatch_groups import GROUP_LOAD
from backends.aws.metric_pages import read_metrics, results_of
from backends.aws.parsers import PageMaker, written
from backends.aws.readings import Points, by_resource
from backends.aws.xml_tokens import Irregular
from backends.model import Json
from tests.unit.aws_fakes import rows_of, session
from tests.unit.test_aws_lean_xml import botocores

SHAPE = session().get_service_model("cloudwatch").operation_model("GetMetricData").output_shape
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0.0", "1.0E-4", "2.5345E7", "-3", "0.18033333333333335", "12", "+1", "1.", ".5", "1e5"]),
)
ODD = ["", "NaN", "Infinity", "1_0", "--1", "1E", " 1.0", "1E999", "x", "0x1p3", "9" * 40, "<b>1</b>"]
TIMES = st.integers(0, 23).map(lambda hour: f"2026-11-20T{hour:02}:00:00Z")
ODD_TIMES = ["", "1764000000", "2026-13-01T00:00:00Z", "2026-11-20T10:00:00.500Z", "2026-11-20T12:00:00+02:00", "x"]
NASTY = [
    "&amp;",
    "<!-- x -->",
    "<![CDATA[1]]>",
    "é",
    "\x00",
    "<member>",
    "</member>",
    "<Id>a_1</Id>",
    "<New>1</New>",
    ">",
]


def _listed(name: str, items: list[str], gap: str) -> str:
    return f"{gap}<{name}>" + "".join(f"{gap}<member>{item}</member>" for item in items) + f"{gap}</{name}>"


@st.composite
def pages(draw: Any) -> str:
    """A page, most of them as CloudWatch writes them."""
    odd, gap = draw(st.sampled_from([0, 0, 0, 1])), draw(st.sampled_from(["", "\n  "]))
    numbers = st.one_of(NUMBERS, st.sampled_from(ODD)) if odd else NUMBERS
    times = st.one_of(TIMES, st.sampled_from(ODD_TIMES)) if odd else TIMES
    results = ""
    for place in range(draw(st.integers(0, 4))):
        parts = [f"<Id>{draw(st.sampled_from(['cpu', 'size', 'a_b']))}_{place}</Id>"]
        parts += draw(st.sampled_from([[], ["<Label/>"], ["<Label>é CPU</Label>"]]))
        values = draw(st.lists(numbers, max_size=5))
        whens = draw(st.lists(times, min_size=len(values), max_size=len(values) + odd, unique=not odd))
        parts += [_listed("Timestamps", whens, gap), _listed("Values", values, gap)]
        parts += draw(st.sampled_from([[], ["<StatusCode>Complete</StatusCode>", "<Messages/>"]]))
        results += f"{gap}<member>{''.join(parts)}{gap}</member>"
    more = draw(st.sampled_from(["", "<NextToken>t</NextToken>", "<Messages/>"]))
    inner = f"<MetricDataResults>{results}</MetricDataResults>{more}"
    text = (
        '<GetMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/">'
        f"<GetMetricDataResult>{inner}</GetMetricDataResult>"
        "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetMetricDataResponse>"
    )
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(NASTY)) + text[at + draw(st.sampled_from([0, 1, 9])) :]
    return text


def _fields(answer: Json) -> tuple[Any, ...]:
    rows = results_of(answer).to_pylist()
    for row in rows:
        row["Values"] = [np.float64(value).tobytes() for value in row["Values"]]
    return rows, answer.get("NextToken"), answer.get("Messages")


as_arrays, otherwise = 0, 0


@settings(max_examples=150, deadline=None)
@given(pages())
def test_metric_data_is_read_as_botocore_reads_it(text: str) -> None:
    global as_arrays, otherwise
    body = text.encode()
    try:
        ours = read_metrics(body, SHAPE)
    except ResponseParserError:
        return  # not XML, or not the answer
    if not isinstance(ours.get("MetricDataResults"), pa.RecordBatch):
        otherwise += 1
        return
    as_arrays += 1
    assert _fields(ours) == _fields(botocores(body, SHAPE, "query"))


def test_many_of_those_pages_were_read_as_arrays_and_many_were_not() -> None:
    assert as_arrays > 30 and otherwise > 10, (as_arrays, otherwise)


@pytest.mark.parametrize("place", ["Values", "MetricDataResults"])
def test_text_where_a_list_should_be_is_never_one_without_values(place: str) -> None:
    body = (
        b"<R><GetMetricDataResult><MetricDataResults><member><Id>a_0</Id><Timestamps/><Values></Values></member>"
        b"</MetricDataResults></GetMetricDataResult></R>"
    )
    assert isinstance(read_metrics(body, SHAPE)["MetricDataResults"], pa.RecordBatch)
    name = place.encode()
    spoilt = body.partition(b"<" + name + b">")[0] + b"<" + name + b">none</" + name + b">"
    spoilt += body.partition(b"</" + name + b">")[2]
    with pytest.raises(ResponseParserError):
        read_metrics(spoilt, SHAPE)


RESOURCES = [{"AutoScalingGroupName": f"g-{n}", "AutoScalingGroupARN": f"arn:g-{n}"} for n in range(3)]
TOLD = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["cpu", "size"]), st.lists(TIMES, max_size=4, unique=True)), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(TOLD, TOLD)
def test_points_as_columns_are_the_points_one_by_one(first: Any, second: Any) -> None:
    pages = [
        {
            "MetricDataResults": [
                {"Id": f"{name}_{place}", "Timestamps": times, "Values": [float(n) for n in range(len(times))]}
                for place, name, times in told
            ]
        }
        for told in (first, second)
    ]
    points = Points.of(RESOURCES, ["AutoScalingGroupName", "AutoScalingGroupARN"], by_resource(pages))
    quick, slow = PageMaker(GROUP_LOAD), PageMaker(GROUP_LOAD)
    if not len(points):
        assert list(points) == []
        return
    assert rows_of(written([quick.points(points)])) == rows_of(written([slow.batch(list(points))]))
    assert (quick.ids, quick.unfit) == (slow.ids, slow.unfit)


def test_a_point_has_what_was_told_of_its_period_and_what_its_resource_is() -> None:
    results = [
        {"Id": "cpu_1", "Timestamps": ["2026-11-20T10:15:00Z", "2026-11-20T10:00:00Z"], "Values": [7.5, 8.0]},
        {"Id": "size_1", "Timestamps": ["2026-11-20T10:15:00Z"], "Values": [3.0]},
    ]
    points = Points.of(RESOURCES, ["AutoScalingGroupName"], by_resource([{"MetricDataResults": results}]))
    assert list(points) == [
        {"AutoScalingGroupName": "g-1", "At": "2026-11-20T10:00:00Z", "cpu": 8.0},
        {"AutoScalingGroupName": "g-1", "At": "2026-11-20T10:15:00Z", "cpu": 7.5, "size": 3.0},
    ]


def test_points_of_a_resource_without_a_name_are_left_to_be_read_one_by_one() -> None:
    told = by_resource(
        [{"MetricDataResults": [{"Id": "cpu_0", "Timestamps": ["2026-11-20T10:00:00Z"], "Values": [1.0]}]}]
    )
    with pytest.raises(Irregular):
        PageMaker(GROUP_LOAD).points(Points.of([{}], ["AutoScalingGroupName", "AutoScalingGroupARN"], told))
