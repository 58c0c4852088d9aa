"""What an answer says besides its elements is the same whether pages like it were read before or not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.aws import xml_around
from backends.aws.xml_around import Around
from tests.unit.test_aws_xml_pages import BY_NAME, NAMESPACE, shape_of

SHAPE = shape_of(BY_NAME["spot.price"])
LISTED, TOLD = "SpotPriceHistory", ("NextToken",)
TEXT = st.one_of(
    st.sampled_from(["", " ", "\n  ", "a", "0", "*", "a>b", "é", "a&amp;b", "&", "]]>", "?", "<?x y?>", "<!-- x -->"]),
    st.sampled_from(['"', "'", "\r", "\x07", "\x7f", "<![CDATA[x]]>", "<nextToken>b</nextToken>", "</R>", "<"]),
    st.text(max_size=6),
)
TOKEN = st.sampled_from(["", "<nextToken/>", "<nextToken>{}</nextToken>", "<nextToken a='>'>{}</nextToken>"])
PROLOG = st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>\n', "<?xml version='1.0'?><?again?>"])
LIST = st.sampled_from(["<spotPriceHistorySet></spotPriceHistorySet>", "<spotPriceHistorySet/>", "", "<x>1</x>"])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    token = draw(TOKEN).format(draw(TEXT))
    inside = f"{draw(TEXT)}<requestId>{draw(TEXT)}</requestId>{draw(LIST)}{token}{draw(TEXT)}"
    return f"{draw(PROLOG)}<R {NAMESPACE}>{inside}</R>".encode()


def around() -> Around:
    return Around(SHAPE, LISTED, TOLD)


@settings(deadline=None, max_examples=200)
@given(st.lists(answers(), min_size=2, max_size=6))
def test_pages_read_before_make_no_difference(pages: list[bytes]) -> None:
    warm = around()
    for page in pages:
        assert warm.read(page) == around()._read(page)


def page(request: str, token: str) -> bytes:
    inside = f"<requestId>{request}</requestId><spotPriceHistorySet>\n</spotPriceHistorySet>\n{token}"
    return f'<?xml version="1.0"?>\n<R {NAMESPACE}>{inside}</R>'.encode()


def test_of_pages_that_are_alike_only_the_first_is_taken_apart() -> None:
    reader = around()
    assert reader.read(page("1", "<nextToken>one</nextToken>")) == {"NextToken": "one"}
    assert reader.read(page("1", "")) == {}
    reader._read = None  # type: ignore[assignment,method-assign]
    assert reader.read(page("2-2", "<nextToken>t/w=o</nextToken>")) == {"NextToken": "t/w=o"}
    assert reader.read(page("3", "")) == {}


def test_outlines_that_never_come_again_are_not_kept_for_ever() -> None:
    reader = around()
    for number in range(3 * xml_around._MOST):
        assert reader.read(page("1", f"<x{number}/><nextToken>t</nextToken>")) == {"NextToken": "t"}
    assert len(reader._known) == xml_around._MOST
