"""The vocabulary keeps its word when it travels as text and JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.aws.kinds import KINDS
from backends.context import Context
from backends.model import Kind, NoSuchColumn, Ref, Scope, column_called

part = st.text(st.characters(exclude_characters="@/", exclude_categories=("Cs",)), min_size=1, max_size=20)
anything = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


@given(kind=part, account=part, region=part, identity=anything)
def test_a_reference_survives_being_written_and_read(kind: str, account: str, region: str, identity: str) -> None:
    ref = Ref(kind, account, region, identity)
    assert Ref.parse(str(ref)) == ref


@pytest.mark.parametrize(
    "text", ["", "ec2.instance", "ec2.instance@1/us-east-1", "@1/us-east-1/i-1", "ec2.instance@//i"]
)
def test_a_malformed_reference_is_refused_with_the_form_it_should_have(text: str) -> None:
    with pytest.raises(ValueError, match="kind@account/region/id"):
        Ref.parse(text)


def test_a_scope_holds_the_global_rows_of_its_accounts_and_nothing_of_others() -> None:
    scope = Scope.of([("1", "us-east-1"), ("2", "eu-west-1")])
    assert scope.holds("1", "global")
    assert not scope.holds("3", "global")
    assert not scope.holds("1", "eu-west-1")
    assert scope.narrowed(regions=["eu-west-1"]).accounts == ("2",)


def test_a_context_never_shows_its_environment_when_printed() -> None:
    context = Context(environment={"AWS_SECRET_ACCESS_KEY": "hunter2"})
    assert "hunter2" not in repr(context)
    assert Context.from_json(context.as_json()) == context


HEADINGS = {
    "instance_type": "type",
    "private_ip": "private ip",
    "name": "name",
    "zone": "zone",
    "key": "id",
    "arn": "id",
}


def test_a_column_is_called_by_its_name_or_by_what_stands_above_it() -> None:
    said = ("instance_type", "type", "TYPE", "private ip", "private_ip", "name")
    assert [column_called(word, HEADINGS) for word in said] == [
        *("instance_type", "instance_type", "instance_type", "private_ip", "private_ip", "name")
    ]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("typ", "did you mean instance_type?"),
        ("nmae", "did you mean name?"),
        ("ip", "did you mean private_ip?"),
        ("size", "there are arn, instance_type, key, name, private_ip, zone."),
        ("id", "the heading of more than one column: write key or arn."),
    ],
)
def test_a_word_that_calls_no_column_is_answered_with_the_nearest(word: str, sentence: str) -> None:
    with pytest.raises(NoSuchColumn) as refused:
        column_called(word, HEADINGS)
    assert str(refused.value).endswith(sentence)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_heading_of_every_kind_calls_its_column(kind: Kind) -> None:
    headings = {column.name: column.heading for column in kind.columns}
    assert {name: column_called(heading, headings) for name, heading in headings.items()} == {n: n for n in headings}
