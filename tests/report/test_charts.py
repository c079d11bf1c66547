import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_cli.report.charts import Series, bars, histogram, lines, thin, ticks
from aigc_cli.report.markup import Html, h, number, safe, table
from aigc_cli.report.sections.diff import edited, marked
from aigc_cli.report.sections.training import spread

FINITE = st.floats(-1e9, 1e9)


def svg(text):
    """The SVG in a figure, parsed as XML."""
    return ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])


@given(FINITE, FINITE)
def test_ticks_are_round_and_inside(a, b):
    low, high = min(a, b), max(a, b)
    found = ticks(low, high)
    assert found == sorted(set(found)) and len(found) <= 8
    span = high - low or 1
    assert all(low - span * 1e-6 - 1e-9 <= t <= high + span * 1e-6 + 1e-9 for t in found)


def test_points_lie_where_their_values_are():
    drawn = svg(lines([Series("a", [0, 5, 10], [1.0, 3.0, 2.0])], "x", "y"))
    dots = [(float(c.get("cx")), float(c.get("cy"))) for c in drawn.iter("circle")]
    assert [x for x, _ in dots] == pytest.approx([58, 381, 704])
    heights = [y for _, y in dots]
    assert heights[1] < heights[2] < heights[0]
    assert (heights[0] - heights[2]) / (heights[0] - heights[1]) == pytest.approx(0.5, abs=0.01)


def test_broken_values_are_left_out():
    drawn = svg(lines([Series("a", [1, 2, 3], [math.nan, 1.0, math.inf])], "x", "y"))
    assert len(list(drawn.iter("circle"))) == 1
    assert lines([Series("a", [1], [math.nan])], "x", "y") == "" and lines([], "x", "y") == ""


def test_names_are_escaped_in_charts():
    name = "<script>&\"'"
    for drawn in (
        lines([Series(name, [1, 2], [1, 2])], name, name, levels={name: 1.5}),
        histogram([0, 1, 2], [3, 1], name),
    ):
        svg(drawn)
        assert "<script" not in drawn
    assert "<script" not in bars({name: 1}, unit=name)


def test_many_points_are_thinned_and_the_last_stays():
    x, y = thin(range(10_000), [float(i) for i in range(10_000)])
    assert len(x) <= 400 and (x[-1], y[-1]) == (9999, 9999.0)


def test_long_bar_charts_are_summed_up():
    assert "11 others" in bars({str(i): 1 for i in range(30)})


def test_empty_ends_of_a_histogram_are_left_out():
    drawn = svg(histogram([0, 1, 2, 3, 4], [0, 5, 2, 0], "x", behind=[0, 6, 2, 0]))
    assert len(list(drawn.iter("rect"))) == 4


@given(st.text(max_size=50))
def test_text_is_always_escaped(text):
    shown = h("<p>{}</p>", text)
    assert shown.count("<") == 2 and isinstance(shown, Html) and safe(shown) is shown


def test_control_characters_become_visible():
    assert h("{}", "\x00\x1b[31m") == "␀␛[31m"


@given(st.text("ab <&\n", max_size=30), st.text("ab <&\n", max_size=30))
def test_marked_diff_holds_both_texts(before, after):
    shown = marked(before, after)
    assert (before == after) == ("<ins" not in shown and "<del" not in shown)


def test_edits_are_shown_in_place():
    edits = [
        {"start": 2, "end": 5, "before": "teh", "after": "the", "rule": "spelling"},
        {"start": 5, "end": 6, "before": " ", "after": "", "rule": "space"},
    ]
    assert (
        edited("a teh b", edits)
        == 'a <del title="spelling">teh</del><ins title="spelling">the</ins><del title="space">␣</del>b'
    )


def test_tables_align_numbers():
    shown = table(["name", "n"], [["a", 1], ["b", None]])
    assert "<th class=n>n</th>" in shown and "<td>a</td>" in shown and "<td class=n>–</td>" in shown


def test_numbers_and_spread():
    assert (number(True), number(None), number(0.0), number(-3), number(1234.5)) == ("yes", "–", "0", "-3", "1,234")
    assert spread(list(range(9)), 3) == [0, 4, 8] and spread([1, 2], 5) == [1, 2] and spread([1, 2, 3], 1) == [3]
