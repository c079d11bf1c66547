"""The encoding detector against texts whose encoding is known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.collect.encoding import UndecodableError, canonical, declared_charset, decode, detect

SIMPLIFIED = "春天来了，公园里的花都开了。孩子们在草地上奔跑，老人坐在长椅上聊天。\n我们的模型需要大量的训练数据。"
TRADITIONAL = "春天來了，公園裡的花都開了。孩子們在草地上奔跑，老人坐在長椅上聊天。\n我們的模型需要大量的訓練資料。"
JAPANESE = "春が来ました。公園の花が咲いています。子供たちは芝生の上を走り、モデルの学習にはデータが必要です。"
KOREAN = "봄이 왔습니다. 공원의 꽃이 피었습니다. 아이들은 잔디밭을 뛰어다니고 이야기를 나눕니다."
FRENCH = "Le printemps est arrivé. Les élèves étudient la géographie à l’école. « Déjà vu », dit-elle."
GERMAN = "Der Frühling ist da. Die Kinder laufen über die Wiese. Größe, Straße, Übung."
RUSSIAN = "Весна пришла. В парке распустились цветы. Дети бегают по траве, старики сидят на скамейке."
GREEK = "Η άνοιξη ήρθε. Τα λουλούδια στο πάρκο άνθισαν. Τα παιδιά τρέχουν στο γρασίδι."
POLISH = "Wiosna nadeszła. W parku zakwitły kwiaty. Dzieci biegają po trawie, a starsi ludzie siedzą na ławce."
CODE = "# 打印结果\nfor i in range(10):\n    print(i)  # 循环变量\n"
ENGLISH = "Spring came. The park’s flowers opened — children ran on the grass, and “old people” sat."
PLAIN = "Spring came, and the flowers opened.\nChildren ran on the grass.\n"

KNOWN = [
    (SIMPLIFIED, "gb18030"), (SIMPLIFIED, "utf-16-le"), (SIMPLIFIED, "utf-16-be"), (SIMPLIFIED, "utf-8"),
    (TRADITIONAL, "big5"), (TRADITIONAL, "gb18030"), (TRADITIONAL, "utf-16-le"), (JAPANESE, "shift_jis"),
    (JAPANESE, "euc_jp"), (JAPANESE, "utf-16-le"), (KOREAN, "euc_kr"), (FRENCH, "cp1252"), (FRENCH, "utf-16-be"),
    (GERMAN, "cp1252"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8_r"), (RUSSIAN, "utf-16-le"), (GREEK, "cp1253"),
    (POLISH, "cp1250"), (CODE, "gb18030"), (ENGLISH, "cp1252"), (PLAIN, "utf-16-le"), (PLAIN, "utf-32-le"),
    (PLAIN, "utf-16-be"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name"), KNOWN)
def test_known_text_comes_back(text: str, name: str) -> None:
    assert decode(text.encode(name))[0] == text


@pytest.mark.parametrize("length", [8, 12, 20, 40])
@pytest.mark.parametrize(("text", "name"), [(SIMPLIFIED, "gb18030"), (TRADITIONAL, "big5"), (SIMPLIFIED, "utf-16-le")])
def test_short_chinese(text: str, name: str, length: int) -> None:
    assert decode(text[:length].encode(name))[0] == text[:length]


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_believed_and_removed(name: str) -> None:
    assert decode(SIMPLIFIED.encode(name))[0] == SIMPLIFIED


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@settings(max_examples=200, deadline=None)
def test_utf8_is_never_read_as_anything_else(text: str) -> None:
    # Text of control characters alone is binary; text that starts with U+FEFF loses it as a BOM.
    assert decode(text.encode())[0] == text.removeprefix("\ufeff")


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_text_or_the_one_error(data: bytes) -> None:
    try:
        text, name = decode(data)
    except UndecodableError as error:
        assert error.reason in ("binary", "unknown_encoding")
    else:
        assert isinstance(text, str)
        assert name
        text.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 8,
        b"\x7fELF\x02\x01\x01" + b"\0" * 64 + bytes(range(256)) * 4,
        bytes(range(256)) * 16,
        b"MZ" + b"\x90\x00\x03\x00\x00\x00\x04" * 300,
    ],
)
def test_binary_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(data)


def test_one_nul_in_a_short_text_does_not_make_it_binary() -> None:
    assert decode(b"a note\0 of one line\n")[0] == "a note\0 of one line\n"


def test_random_bytes_are_refused() -> None:
    with pytest.raises(UndecodableError):
        decode(bytes((i * 167 + (i * i) % 251) % 256 for i in range(5000)))


def test_a_cut_character_costs_one_replacement_not_the_file() -> None:
    text, name = decode(SIMPLIFIED.encode()[:-1])
    assert name == "utf-8"
    assert text == SIMPLIFIED[:-1] + "\ufffd"


def test_one_stray_byte_does_not_turn_utf8_into_mojibake() -> None:
    data = SIMPLIFIED.encode()
    text, name = decode(data[:30] + b"\xff" + data[30:])
    assert name == "utf-8"
    assert text.replace("\ufffd", "") == SIMPLIFIED


@pytest.mark.parametrize("label", ["gb2312", "GBK", "gb18030"])
def test_declared_charset_of_a_page(label: str) -> None:
    page = f'<html><head><meta charset="{label}"><title>春天</title>'.encode("gb18030")
    assert declared_charset(page) == label
    assert decode(page, declared_charset(page))[1] == "gb18030"


def test_a_declaration_that_lies_is_not_believed() -> None:
    page = ('<meta http-equiv="Content-Type" content="text/html; charset=big5">' + SIMPLIFIED * 3).encode("gb18030")
    assert SIMPLIFIED in decode(page, declared_charset(page))[0]


@pytest.mark.parametrize("label", ["hex", "zip", "no-such-charset", "rot13", ""])
def test_codecs_that_are_no_charsets_are_unknown(label: str) -> None:
    assert canonical(label) is None


def test_late_legacy_bytes_in_a_long_file() -> None:
    text = "plain ASCII line\n" * 20_000 + SIMPLIFIED
    assert decode(text.encode("gb18030"))[0] == text


def test_detect_says_what_a_head_is() -> None:
    assert detect(b"plain") == "utf-8"
    assert detect(SIMPLIFIED.encode("gb18030")[:41]) == "gb18030"  # cut within a character
