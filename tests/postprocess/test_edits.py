from hypothesis import given
from hypothesis import strategies as st

from aigc_cli.postprocess.edits import Edit, apply, compose, unified

TEXT = st.text("abc ", max_size=20)


@st.composite
def edit_lists(draw, text):
    """Sorted edits of `text` that do not overlap."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True)))
    pairs = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    return [Edit(a, b, text[a:b], draw(st.text("xyz", max_size=3)), "r") for a, b in pairs]


@given(st.data(), TEXT)
def test_composed_edits_do_what_both_rounds_do(data, text):
    first = data.draw(edit_lists(text))
    middle = apply(text, first)
    second = data.draw(edit_lists(middle))
    both = compose(text, first, second)
    assert apply(text, both) == apply(middle, second)
    assert all(text[e.start : e.end] == e.before != e.after for e in both)
    assert all(a.end <= b.start for a, b in zip(both, both[1:], strict=False))


def test_insertion_before_a_deletion_keeps_its_order():
    first = [Edit(1, 2, "b", "", "r")]
    assert apply("abc", compose("abc", first, [Edit(1, 1, "", "x", "s")])) == "axc"


def test_rules_of_joined_edits_are_both_named():
    [edit] = compose("lettre ,", [Edit(6, 7, " ", "", "space")], [Edit(0, 6, "lettre", "letter", "spelling")])
    assert (edit.before, edit.after, set(edit.rule.split("+"))) == ("lettre ", "letter", {"space", "spelling"})


def test_unified_diff_is_coloured_by_sign():
    shown = unified("a\nb", "a\nc", "record 1", colour=True)
    assert "\x1b[31m-b\x1b[0m" in shown and "\x1b[32m+c\x1b[0m" in shown and "a\n" not in shown.replace("\x1b", "")
