import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.postprocess.correction import Corrector
from aigc_cli.postprocess.punctuation import RULES
from aigc_cli.postprocess.spelling import Speller

WORDS = {word: 10**8 for word in ("the", "cat", "received", "letter", "a", "good", "don't")}
PLAIN = Corrector()
ALL = Corrector(Speller(WORDS), list(RULES), 0.5)

CASES = [
    ("Hello ,  world", "Hello, world"),
    ("word,word and word!Next", "word, word and word! Next"),
    ("hello，world！（test）really", "hello, world!(test) really"),
    ("我喜欢 Python, 因为它很简单.你呢?", "我喜欢 Python，因为它很简单。你呢？"),
    ('他说:"你好",然后走了...', "他说：“你好”，然后走了……"),
    ("见图(3)。函数f(x)是好的", "见图（3）。函数f(x)是好的"),
    ("ＡＢＣ１２３ 你好 ,世界", "ABC123 你好，世界"),
    ("真的。。。吗", "真的……吗"),
    ("of the the cat", "of the cat"),
    ("i think i'm", "I think I'm"),
    ("wait.......", "wait..."),
    ("( a note )", "(a note)"),
]

UNTOUCHED = [
    "see https://a.org/x,y and `a  b ,c` in foo_bar.py",
    "```\nx = a ,b\n```",
    "    indented ,  code",
    "| a  |  b |",
    "1,000.5 at 12:30, v1.2.3",
    "name     value     unit",
    "wait ... what",
    "a smile :)",
    "ありがとう ,  はい"[:6],
    "使用 GPT, BERT 和 T5.",
    "that had had an effect",
    "mail to a.b@c.org",
    "",
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_cases(before, after):
    assert PLAIN(before)[0] == after


@pytest.mark.parametrize("text", UNTOUCHED)
def test_left_alone(text):
    assert PLAIN(text) == (text, [])


def test_pangu_is_optional():
    assert PLAIN("用GPT写")[0] == "用GPT写"
    assert ALL("用GPT写")[0] == "用 GPT 写"


ALPHABET = "ab cat我们.,!?;:()\"'“”，。！？；：、（）… …\n-_`/1２Ａ"


@settings(max_examples=300, deadline=None)
@given(st.text(ALPHABET, max_size=40))
def test_correcting_twice_is_correcting_once(text):
    for corrector in (PLAIN, ALL):
        once, _ = corrector(text)
        assert corrector(once) == (once, [])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_taken(text):
    once, edits = ALL(text)
    assert ALL(once) == (once, [])
    assert all(text[e.start : e.end] == e.before for e in edits)


def test_line_breaks_survive():
    assert PLAIN("a ,\r\nb  c\n\n d")[0].count("\n") == 3
    assert PLAIN("good ,\r\ncat ,\r\n")[0] == "good,\r\ncat,\r\n"
