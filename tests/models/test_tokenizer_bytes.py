"""Byte-level BPE: the ids of tokenizers and transformers, any text back, special tokens never read from text."""

from __future__ import annotations

import base64
import json
import random
from itertools import pairwise

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers
from tokenizers import Tokenizer as Peer

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.models import byte_patterns as patterns
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models import tokenizer as tokenizer_module
from aigc_cli.models.kernels import byte_level
from aigc_cli.models.tokenizer import SPECIAL_TOKENS, Tokenizer
from aigc_cli.tokenize.vocabulary import train_tokenizer

PATTERNS = {"gpt2": patterns.GPT2_ORIGINAL, "cl100k": patterns.CL100K, "qwen2": patterns.QWEN2}
# Letters, marks, numbers, spaces and newlines of several kinds, the long s and the Kelvin sign, contractions.
ALPHABET = "abSsTtLlVvRrEeDdMm''' \t\n\r12٣½Ⅷ.,!<>_，。春夏é\u0301ſK’\xa0\u2028\u3000\x85\x1c😀\u200d\U000e0001𐀀"
TEXTS = st.one_of(
    st.text(alphabet=ALPHABET, max_size=60), st.text(alphabet="春夏秋冬，。a \n", max_size=40), st.text(),
    st.lists(st.sampled_from(["don't", " WE'LL", "'ſ", "'S", "\r\n\r\n", "  ", "12345", "<s>", "河流"])).map("".join),
)  # fmt: skip
WORDS = (
    "the",
    "river",
    "lantern",
    "quiet",
    "don't",
    "WE'LL",
    "2024",
    "春夏秋冬",
    "河流，",
    "café",
    "def f(x):\n    ",
    "\t",
)


def corpus() -> list[str]:
    rng = random.Random(0)
    return ["".join(w + rng.choice((" ", " ", "\n", "")) for w in rng.choices(WORDS, k=80)) for _ in range(60)]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(corpus(), kind="byte-bpe", vocab_size=480)


@pytest.fixture
def compiled(monkeypatch):
    monkeypatch.setattr(tokenizer_module, "KERNEL_BYTES", 0)
    return Tokenizer


@numba.njit
def _ends(data, end, classes, family, digits):
    found = []
    i = 0
    while i < end:
        i = byte_level.next_word(data, i, end, classes, family, digits)
        found.append(i)
    return found


def words_of(text: str, pattern: str) -> list[str]:
    """The words that the kernel finds."""
    data = text.encode()
    family, digits = patterns.settings_of(pattern)
    padded = np.frombuffer(data + b"'s", np.uint8)  # what stands behind the text must not matter
    ends = _ends(padded, len(data), patterns.class_table(), family, digits) if data else []
    return [data[a:b].decode() for a, b in pairwise([0, *ends])]


@pytest.mark.parametrize("name", PATTERNS)
def test_words_are_those_of_the_pattern(name):
    split = pre_tokenizers.Split(Regex(PATTERNS[name]), "isolated")

    @settings(max_examples=400, deadline=None)
    @given(TEXTS)
    def check(text):
        assert words_of(text, PATTERNS[name]) == [word for word, _ in split.pre_tokenize_str(text)]

    check()
    every = "".join(chr(c) for c in range(0x30000) if not 0xD800 <= c < 0xE000)
    shuffled = list(every)
    random.Random(0).shuffle(shuffled)
    for text in (every, "".join(shuffled), "a".join(shuffled[:20_000]), " ".join(shuffled[:20_000])):
        assert words_of(text, PATTERNS[name]) == [word for word, _ in split.pre_tokenize_str(text)]


def test_the_patterns_are_the_published_ones():
    # tokenizers has GPT-2's built in; the two ways to write it are the same.
    own = pre_tokenizers.ByteLevel(add_prefix_space=False)
    for text in [*corpus(), "it's  12\n\n x'S"]:
        places = [place for _, place in own.pre_tokenize_str(text)]
        for pattern in (patterns.GPT2, patterns.GPT2_ORIGINAL):
            assert [p for _, p in pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(text)] == places


def test_nothing_above_the_table_s_planes_is_a_letter_number_or_space():
    high = "".join(chr(c) for c in range(0x40000, 0x110000))
    found = pre_tokenizers.Split(Regex(r"[\p{L}\p{N}\s]"), "isolated").pre_tokenize_str(high)
    assert len(found) == 1 and not patterns.class_table()[0x40000:].any()


@pytest.mark.parametrize("split_digits", [False, True])
def test_ids_are_those_of_tokenizers_and_transformers(compiled, tmp_path, split_digits):
    from transformers import AutoTokenizer

    model = train_tokenizer(corpus(), kind="byte-bpe", vocab_size=460, split_digits=split_digits).model
    fast, slow = compiled(model), Tokenizer(model)
    slow._met_bytes = -(1 << 40)  # stays with the library
    fast.save(tmp_path)
    peer, raw = AutoTokenizer.from_pretrained(tmp_path), Peer.from_file(str(tmp_path / "tokenizer.json"))
    raw.encode_special_tokens = True
    assert len(peer) == fast.vocab_size == 460

    @settings(max_examples=150, deadline=None)
    @given(TEXTS)
    def check(text):
        ids = fast.encode(text)
        assert ids == slow.encode(text) == raw.encode(text).ids
        assert peer.encode(text) == ids and peer.decode(ids) == text
        assert fast.decode(ids) == text and "".join(fast.stream(ids)) == text
        assert fast.decode_bytes(ids) == text.encode()
        assert not set(ids) & set(fast.special_ids.values())

    check()
    for text in [*corpus(), "x" * 3000, "春夏" * 400, "ab" * 150, " " * 700 + "\n", "<s><pad>\u2581\ue000\ue0b1\0"]:
        assert fast.encode(text) == slow.encode(text) == peer.encode(text)
        assert fast.decode(fast.encode(text)) == text


def test_transformers_knows_the_special_tokens(tokenizer, tmp_path):
    from transformers import AutoTokenizer

    tokenizer.save(tmp_path)
    peer = AutoTokenizer.from_pretrained(tmp_path)
    assert (peer.pad_token_id, peer.bos_token_id, peer.eos_token_id, peer.unk_token_id) == (0, 1, 2, 3)
    assert peer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == list(range(len(SPECIAL_TOKENS)))
    assert peer.decode([1, *tokenizer.encode("a river"), 2], skip_special_tokens=True) == "a river"


def with_layout(tokenizer, **changes) -> dict:
    file = json.loads(tokenizer.model)
    for path, value in changes.items():
        *outer, last = path.split("__")
        place = file
        for key in outer:
            place = place[key]
        place[last] = value
    return file


def test_gpt2_s_layout_and_words_that_are_looked_up(tokenizer, compiled):
    gpt2 = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    merges = json.loads(tokenizer.model)["model"]["merges"]
    for file in (
        with_layout(tokenizer, pre_tokenizer=gpt2),
        with_layout(tokenizer, model__merges=[" ".join(merge) for merge in merges]),
        # With some merges gone, whole words are found only by looking them up.
        with_layout(tokenizer, model__ignore_merges=True, model__merges=merges[::2]),
    ):
        model = json.dumps(file).encode()
        peer = Peer.from_str(model.decode())
        peer.encode_special_tokens = True
        for text in [*corpus(), "don't WE'LL 12345  \n\n x", "river" * 100]:
            assert compiled(model).encode(text) == Tokenizer(model).encode(text) == peer.encode(text).ids


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"normalizer": {"type": "NFC"}}, "changes text"),
        ({"pre_tokenizer__pretokenizers__0__pattern": {"Regex": r"\w+"}}, "pattern"),
        ({"pre_tokenizer__pretokenizers__1__add_prefix_space": True}, "adds a space"),
        ({"decoder": None}, "byte-level"),
        ({"model__dropout": 0.1}, "not BPE over bytes"),
        ({"model__type": "WordPiece"}, "not BPE over bytes"),
        ({"model__vocab": {"a": 0}}, "no id for some byte"),
        ({"added_tokens": []}, "does not reserve"),
        ({"model__merges": [["a", "nothing"]]}, "damaged"),
        ({"model": None}, "damaged"),
    ],
)
def test_another_kind_of_file_is_refused(tokenizer, changes, fact):
    file = json.loads(tokenizer.model)
    for path, value in changes.items():
        place = file
        *outer, last = path.split("__")
        for key in outer:
            place = place[int(key) if key.isdigit() else key]
        place[last] = value
    with pytest.raises(DataError, match=fact):
        Tokenizer(json.dumps(file).encode())


def test_a_damaged_file_is_refused_and_never_crashes(tokenizer, tmp_path):
    rng = random.Random(0)
    for _ in range(25):
        broken = bytearray(tokenizer.model[: rng.randrange(1, len(tokenizer.model))])
        (tmp_path / "tokenizer.json").write_bytes(broken)
        with pytest.raises(DataError):
            Tokenizer.load(tmp_path)
    with pytest.raises(DataError):
        Tokenizer(b'{"a":' * 100_000)


def test_saving_and_loading_keeps_everything(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "a")
    again = Tokenizer.load(tmp_path / "a")
    again.save(tmp_path / "b")
    assert again.digest == tokenizer.digest and again.kind == "byte-bpe"
    files = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert files == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    assert Tokenizer.load(tmp_path / "a" / "tokenizer.json").digest == tokenizer.digest


def test_tiktoken_s_file_has_every_token_and_its_rank(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    lines = (tmp_path / "tokenizer.tiktoken").read_text().splitlines()
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines}
    assert set(ranks.values()) == set(range(len(SPECIAL_TOKENS), tokenizer.vocab_size))
    assert all(tokenizer.decode_bytes([i]) == data for data, i in ranks.items())
    assert {bytes([b]) for b in range(256)} <= set(ranks)


def test_pieces_are_readable(tokenizer):
    by_type = {kind: [p.text for p in tokenizer.pieces if p.type == kind] for kind in (proto.NORMAL, proto.BYTE)}
    assert sorted(by_type[proto.BYTE]) == [f"<0x{b:02X}>" for b in range(0x80, 0x100)]
    assert " river" in by_type[proto.NORMAL]
    assert "".join(tokenizer.tokens("a river")) == "a river"
    assert sum(tokenizer.id_bytes[i] for i in tokenizer.encode("春 river é")) == len("春 river é".encode())


def test_training_is_repeatable_and_sizes_are_exact(tokenizer):
    assert train_tokenizer(corpus(), kind="byte-bpe", vocab_size=480).model == tokenizer.model
    with pytest.raises(ConfigError, match="too small"):
        train_tokenizer(corpus(), kind="byte-bpe", vocab_size=370)
    with pytest.raises(ConfigError, match="more than this text") as large:
        train_tokenizer(corpus(), kind="byte-bpe", vocab_size=60_000)
    most = int(large.value.hint.split()[3].rstrip(","))
    assert train_tokenizer(corpus(), kind="byte-bpe", vocab_size=most).vocab_size == most
    assert train_tokenizer(["a"], kind="byte-bpe").vocab_size == len(SPECIAL_TOKENS) + 256
    with pytest.raises(DataError, match="no text"):
        train_tokenizer([""], kind="byte-bpe")


def test_long_texts_and_surrogates(tokenizer, monkeypatch):
    monkeypatch.setattr(tokenizer_module, "LONG_CHARS", 40)
    for text in [*corpus(), "春" * 300, "a b" * 100, "12 " * 100]:
        parts = list(tokenizer.parts(text))
        assert "".join(parts) == text
        assert [i for part in parts for i in tokenizer.encode(part)] == tokenizer.encode(text)
    with pytest.raises(DataError, match="surrogate"):
        tokenizer.encode("\ud800")
