from __future__ import annotations

import random

import pytest

from aigc_cli.generate.stream import TextStream


@pytest.mark.parametrize("seed", range(40))
def test_pieces_join_to_the_text_before_the_first_stop(seed):
    rng = random.Random(seed)
    text = "".join(rng.choice("ab猫é\n😀") for _ in range(60))
    stops = ["".join(rng.choice("ab猫é") for _ in range(rng.randint(1, 4))) for _ in range(rng.randint(0, 2))]
    stream, shown = TextStream(bytes, stops), ""
    for token in text.encode():
        shown += stream.feed(token)
        assert not any(stop in shown for stop in stops)
    shown += stream.close()
    ends = [text.find(stop) for stop in stops if stop in text]
    expected = text[: min(ends)] if ends else text
    assert shown == stream.text == expected and stream.stopped == bool(ends)


def test_bytes_that_are_no_utf8_become_replacement_characters():
    stream = TextStream(bytes)
    data = b"a\xff\xe4b\xe7\x8c"
    shown = "".join(stream.feed(token) for token in data) + stream.close()
    assert shown == stream.text == data.decode("utf-8", "replace")


def test_escapes_of_the_tokenizer_across_tokens(tokenizer):
    text = "a\u2581b\ue000c \ue000\ue0b1 猫\r\n\0"
    stream = TextStream(tokenizer.decode_bytes, ["zz"])
    shown = "".join(stream.feed(token) for token in tokenizer.encode(text)) + stream.close()
    assert shown == stream.text == text
    stream = TextStream(tokenizer.decode_bytes, ["\u2581b"])
    shown = "".join(stream.feed(token) for token in tokenizer.encode(text)) + stream.close()
    assert shown == "a" and stream.stopped
