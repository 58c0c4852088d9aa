"""A filter that finds nothing because a value with blanks is not quoted says how it is written."""

from __future__ import annotations

import pytest

from console.filter_hints import unquoted
from console.screens.chrome import empty_notice


@pytest.mark.parametrize(
    ("filter", "meant"),
    [
        ("service=AWS Lambda", 'service="AWS Lambda"'),
        ("web service!=Amazon  Simple Storage cost>5", 'service!="Amazon Simple Storage"'),
        ("!tag:Name=my  thing", '!tag:Name="my thing"'),
        ("name~big data web=1", 'name~"big data"'),
    ],
)
def test_the_value_is_shown_as_it_is_written(filter: str, meant: str) -> None:
    assert unquoted(filter) == f"A value that has blanks needs quotes, as in {meant}."
    notice = empty_notice("daily costs", {"states": {"ok": 1}}, filter=filter, at="", partial=False)
    assert any(meant in text for line in notice for text, _ in line)


@pytest.mark.parametrize(
    "filter",
    ["", "web prod", "state=running", 'service="AWS Lambda"', "state=running type=m5", "a=1 !web", "size>5 web"],
)
def test_where_nothing_is_split_nothing_is_said(filter: str) -> None:
    assert unquoted(filter) == ""
