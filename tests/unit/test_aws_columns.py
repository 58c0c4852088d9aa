"""Paths into elements, conversion to columns, redaction, pages: on what AWS sends and on what it should not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jmespath
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.aws import convert
from backends.aws.convert import CONVERTERS, Unfit, iso_text
from backends.aws.expressions import compiled
from backends.aws.kinds import KINDS
from backends.aws.parsers import ARROW_TYPES, PageMaker, page_schema
from backends.aws.redact import REDACTED, Redactor, is_secret_name
from backends.blocks import unpacked
from backends.model import Column, Kind, Series

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ELEMENT = {
    "A": {"B": {"C": 1}},
    "L": [{"X": {"Y": "p"}}, {"X": {}}, {"X": {"Y": "q"}}, 3],
    "Tags": [{"Key": "Name", "Value": "web"}, {"Key": "empty"}, {"Key": "Name", "Value": "second"}],
    "N": None,
}


@pytest.mark.parametrize(
    "path", ["A", "A.B.C", "A.X.C", "N.A", "L[].X.Y", "L[*].X.Y", "A[].B", "Tags[?Key=='Name'].Value | [0]", "@"]
)
def test_the_short_cuts_read_what_jmespath_reads(path: str) -> None:
    assert compiled(path)(ELEMENT) == jmespath.search(path, ELEMENT)


@given(JSON)
def test_no_path_of_any_kind_fails_on_any_element(element: Any) -> None:
    for kind in KINDS:
        for column in kind.columns:
            compiled(column.path)(element)


@given(JSON, st.sampled_from(sorted(CONVERTERS)))
def test_a_value_fits_its_column_or_is_refused_and_arrow_takes_what_fits(value: Any, kind: Any) -> None:
    if value is None:
        return
    try:
        found = CONVERTERS[kind](value)
    except Unfit:
        return
    assert pa.array([found], ARROW_TYPES[kind]).null_count == 0


def test_a_bad_path_is_named() -> None:
    with pytest.raises(ValueError, match=r"'A\.\[' is not a JMESPath expression"):
        compiled("A.[")


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-23T14:02:11Z",
        "2026-11-23T14:02:11.000Z",
        "2026-11-23T15:02:11+01:00",
        1795442531,
        1795442531.0,
        "1795442531",
        "Mon, 23 Nov 2026 14:02:11 GMT",
        datetime(2026, 11, 23, 14, 2, 11, tzinfo=UTC),
        datetime(2026, 11, 23, 16, 2, 11, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_instants_are_utc_however_they_are_written(written: Any) -> None:
    assert convert.time(written) == datetime(2026, 11, 23, 14, 2, 11)
    assert convert.time(iso_text(written)) == datetime(2026, 11, 23, 14, 2, 11)


@pytest.mark.parametrize("written", ["", "yesterday", "9" * 40, 1e300, True, [], {}, "2026-13-45T00:00:00Z", "0000-00"])
def test_what_is_no_instant_is_refused(written: Any) -> None:
    with pytest.raises(Unfit):
        convert.time(written)


def test_tags_of_every_shape_become_one() -> None:
    expected = '{"a":"1","b":""}'
    assert convert.tags([{"Key": "b", "Value": None}, {"Key": "a", "Value": "1"}]) == expected
    assert convert.tags([{"key": "a", "value": "1"}, {"key": "b", "value": ""}]) == expected
    assert convert.tags({"b": "", "a": 1}) == expected


def test_a_lone_surrogate_does_not_break_a_page() -> None:
    kind = Kind("t.t", "T", "ec2", (), ("id_",), (Column("id_", "Id"), Column("tags", "Tags", "tags")))
    arrow, rows = PageMaker(kind).page([{"Id": "\ud800x", "Tags": {"k\udfff": "v\ud83d"}}])
    assert rows == 1
    assert pa.ipc.open_stream(arrow).read_all().to_pylist()[0]["id_"] == "?x"


@settings(deadline=None)  # there are ever more kinds
@given(st.lists(JSON, max_size=6))
def test_a_page_is_made_of_any_elements(elements: list[Any]) -> None:
    for kind in KINDS:
        arrow, rows = PageMaker(kind).page(elements)
        table = pa.ipc.open_stream(arrow).read_all()
        assert table.schema == page_schema(kind)
        assert table.num_rows == rows <= len(elements)


def test_raw_is_the_whole_element_compact_and_sorted() -> None:
    kind = Kind("t.t", "T", "ec2", (), ("id_",), (Column("id_", "Id"),))
    arrow, _ = PageMaker(kind).page([{"Z": 1, "Id": "x", "A": {"c": "ü" * 10_000}}])
    text = unpacked(pa.ipc.open_stream(arrow).read_all().column("raw")[0].as_py()).decode()
    assert json.loads(text) == {"A": {"c": "ü" * 10_000}, "Id": "x", "Z": 1}
    assert text.startswith('{"A":{"c":')


def test_points_of_one_market_are_all_kept() -> None:
    columns = (Column("market", "M"), Column("at", "T", "time"), Column("price", "P", "number"))
    kind = Kind("t.p", "P", "ec2", (), ("market",), columns, series=Series("p", "at", "price", 1))
    points = [{"M": "a", "T": f"2026-11-20T0{hour}:00:00Z", "P": hour} for hour in (1, 2, 2)]
    maker = PageMaker(kind)
    assert maker.page(points)[1] == 2
    assert maker.ids == {"a"}


@pytest.mark.parametrize(
    "name",
    [
        "UserData",
        "userdata",
        "user-data",
        "password",
        "DB_PASSWORD",
        "MasterUserPassword",
        "SecretAccessKey",
        "SecretString",
        "AuthToken",
        "auth_token",
        "ClientToken",
        "API_KEY",
        "apiKey",
        "PrivateKey",
        "Credentials",
    ],
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "HttpTokens",
        "SecretArn",
        "PasswordLastUsed",
        "KeyName",
        "KmsKeyId",
        "AccessKeyId",
        "Name",
        "",
        "TokenTtl",
        "SecurityGroups",
        "PublicKeyName",
        "Tags",
        "MinimumPasswordLength",
    ],
)
def test_names_about_secrets_are_not_taken_for_them(name: str) -> None:
    assert not is_secret_name(name)


def test_secrets_are_blanked_wherever_they_stand() -> None:
    element = {
        "Id": "i-1",
        "LaunchSpecification": {"UserData": "CANARY", "ImageId": "ami-1"},
        "Environment": {"Variables": {"ANY": "CANARY", "N": 3}},
        "containers": [{"name": "web", "environment": [{"name": "A", "value": "CANARY"}]}],
        "Tags": [{"Key": "api_key", "Value": "CANARY"}, {"Key": "Name", "Value": "kept"}],
        "Note": "-----BEGIN RSA PRIVATE KEY-----\nCANARY",
        "Deep": [{"List": [{"Script": "CANARY"}, {"Script": None}]}],
        "Settings": {"Any": {"Name": "CANARY"}, "Other": None},
    }
    before = json.dumps(element)
    clean = Redactor(["Deep[].List[].Script", "Not.There", "Settings.*", "Note.*"])(element)
    assert "CANARY" not in json.dumps(clean)
    assert json.dumps(element) == before
    assert clean["LaunchSpecification"] == {"UserData": REDACTED, "ImageId": "ami-1"}
    assert clean["containers"][0]["environment"] == [{"name": "A", "value": REDACTED}]
    assert clean["Tags"][1] == {"Key": "Name", "Value": "kept"}
    assert clean["Deep"][0]["List"][1] == {"Script": None}
    assert clean["Settings"] == {"Any": REDACTED, "Other": None}


@given(JSON)
def test_what_holds_no_secret_is_given_back_uncopied(element: Any) -> None:
    def names(value: Any) -> Any:
        if isinstance(value, dict):
            return {f"Field{place}": names(item) for place, item in enumerate(value.values())}
        return [names(item) for item in value] if isinstance(value, list) else value

    harmless = names(element)
    assert Redactor()(harmless) is harmless


def test_functions_of_paths_tell_what_operators_look_for() -> None:
    world, home = [{"CidrIp": "0.0.0.0/0"}], [{"CidrIp": "10.0.0.0/8"}]
    group = {
        "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": world},
            {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 1024, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
            {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": home, "UserIdGroupPairs": [{}]},
            {"IpProtocol": "-1", "IpRanges": home},
            {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": world},
        ]
    }
    assert compiled("open_ports(IpPermissions)")(group) == ["icmp", "tcp/0-1024", "tcp/443"]
    assert compiled("open_sensitive(IpPermissions)")(group) == ["tcp/0-1024"]
    assert compiled("rules(IpPermissions)")(group) == 6
    assert compiled("IpPermissions[].ports(@)")(group) == ["tcp/443", "tcp/0-1024", "tcp/5432", "all", "icmp"]
    everything = {"IpPermissions": [{"IpProtocol": "-1", "IpRanges": world}]}
    assert compiled("open_sensitive(IpPermissions)")(everything) == ["all"]
    assert compiled("used_percent(C, F)")({"C": "10.0.0.0/24", "F": 0}) == 100.0
    assert compiled("used_percent(C, F)")({"C": "::/64", "F": 0}) is None
    assert compiled("minus(A, B)")({"A": 3}) is None
    assert compiled("found(T, 'i-[0-9a-f]+')")({"T": "Terminating EC2 instance: i-0abc."}) == "i-0abc"
    assert compiled("found(T, 'x')")({}) is None
    look = compiled('looked_up(T, `{"a": 1}`)')
    assert [look(element) for element in ({"T": "a"}, {"T": "b"}, {})] == [1, None, None]
    assert compiled("percent(A, B)")({"A": "30.5", "B": "200"}) == 15.2
    assert compiled("percent(A, B)")({"A": 1, "B": 0}) is None and compiled("percent(A, B)")({"A": "x", "B": 2}) is None
    assert compiled("times(A, `0.001`)")({"A": 1500}) == 1.5 and compiled("times(A, `2`)")({}) is None
    assert compiled("parsed(T).A")({"T": '{"A": [1]}'}) == [1] and compiled("parsed(T)")({"T": "{"}) is None
    trust = {"Statement": {"Effect": "Allow", "Principal": {"AWS": ["b", "a"], "Service": "ec2.amazonaws.com"}}}
    assert compiled("principals(@)")(trust) == ["a", "b", "ec2.amazonaws.com"]
    assert compiled("principals(@)")({"Statement": [{"Effect": "Allow", "Principal": "*"}]}) == ["*"]
    admin = {"Statement": [{"Effect": "Allow", "Action": ["s3:*", "*"], "Resource": "*"}]}
    assert compiled("allows_all(@)")(admin) is True
    assert compiled("allows_all(@)")({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}) is False
