"""The vocabulary keeps its word when it travels as text and JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.context import Context
from backends.model import Ref, Scope

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
