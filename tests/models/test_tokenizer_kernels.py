"""The compiled encoder gives the ids of sentencepiece on whole documents, whatever it remembers."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.core.errors import DataError
from aigc_cli.models import encoder as encoder_module
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models import tokenizer as tokenizer_module
from aigc_cli.models.tokenizer import SPECIAL_TOKENS, Tokenizer
from aigc_cli.models.tokenizer_text import ALONE, escape
from aigc_cli.tokenize.vocabulary import train_tokenizer

KINDS = ("unigram", "bpe", "char")
SYLLABLES = ("ba", "na", "ri", "ver", "the", "or", "s", "an", "qu", "ie", "春", "夏", "河流", "é", "😀")
HARD = [
    "", " ", "   ", "\n", "\t\t", "\r\n", "\0", "a\0b", "\u2581", "\ue000\u2581 \ue0a0", "\ufffd", "<s>", "<0x41>é",
    "x" * 5000, " " * 5000, "ab" * 3000, "ba" * 130, "na" * 129, "anan" * 40, "<" * 500, "春夏" * 1500,
    "\U0010ffff" * 9,
    "ban" * 80 + " " * 300 + "ana" * 90,
]  # fmt: skip
TEXTS = st.one_of(
    st.text(alphabet="aban \n<"), st.text(alphabet="the river<\t 春夏河流\u2581\ue000é", max_size=200), st.text()
)


def made(rng: random.Random, words: int) -> str:
    """Words of syllables, so that many merges overlap."""
    parts = ["".join(rng.choices(SYLLABLES, k=rng.choice((1, 2, 3, 4, 9)))) for _ in range(words)]
    return "".join(word + rng.choice((" ", " ", "  ", "\n", ", ")) for word in parts)


CORPUS = [made(random.Random(i), 60) for i in range(80)]


@pytest.fixture(scope="module")
def models():
    return {
        kind: train_tokenizer(CORPUS, kind=kind, vocab_size=None if kind == "char" else 560).model for kind in KINDS
    }


@pytest.fixture
def compiled(monkeypatch):
    """A tokenizer that leaves its library at the first byte."""
    monkeypatch.setattr(tokenizer_module, "KERNEL_BYTES", 0)
    return Tokenizer


def of_sentencepiece(model: bytes, text: str) -> list[int]:
    """Its ids of the whole text at once, without any part of ours but the escapes."""
    return sentencepiece.SentencePieceProcessor(model_proto=model).encode(escape(text))


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_sentencepiece_on_the_whole_text(models, compiled, kind):
    tokenizer, oracle = compiled(models[kind]), sentencepiece.SentencePieceProcessor(model_proto=models[kind])
    assert not tokenizer.slow_because

    @settings(max_examples=200, deadline=None)
    @given(TEXTS)
    def check(text):
        assert tokenizer.encode(text) == oracle.encode(escape(text))

    check()
    texts = [*HARD, *CORPUS, made(random.Random(99), 9000)]
    assert tokenizer.encode_batch(texts) == [oracle.encode(escape(text)) for text in texts]


def test_the_library_and_the_kernel_agree(models, compiled):
    for kind in KINDS:
        tokenizer = compiled(models[kind])
        prepared = [tokenizer._vocabulary.prepare(text) for text in [*HARD, *CORPUS]]
        for text, ids in zip(prepared, tokenizer.encode_batch([*HARD, *CORPUS]), strict=True):
            found = tokenizer._vocabulary.reference([text])
            # For words too long for exact sums in float32, sentencepiece is not asked.
            assert found == [ids] or (found is None and kind == "unigram" and len(text) > 2048)


def test_equal_scores_fall_as_in_sentencepiece(models, compiled):
    rng = random.Random(0)
    for step in (7.0, 60.0, 1000.0):
        pieces = [
            replace(p, score=p.score // step * step) if p.type == proto.NORMAL and p.text not in ALONE else p
            for p in proto.read_pieces(models["bpe"])
        ]
        model = proto.replace_pieces(models["bpe"], pieces)
        tokenizer = compiled(model)
        for text in [made(rng, 200) for _ in range(5)] + ["ban" * 70, "anan" * 33, "verthe" * 40]:
            assert tokenizer.encode(text) == of_sentencepiece(model, text)


def test_a_character_that_is_only_within_pieces_can_merge(models, compiled):
    pieces = [p for p in proto.read_pieces(models["bpe"]) if p.text != "q"]
    model = proto.replace_pieces(models["bpe"], pieces)
    assert any("qu" in p.text for p in pieces)
    for text in ("quie", "q", "uq quq qu", "banaqu"):
        assert compiled(model).encode(text) == of_sentencepiece(model, text)


@pytest.mark.parametrize("kind", ("unigram", "bpe"))
def test_a_full_memo_changes_nothing(models, compiled, monkeypatch, kind):
    expected = compiled(models[kind]).encode_batch(CORPUS)
    for name, size in (("MEMO_SLOTS", 16), ("MEMO_BYTES", 40), ("MEMO_IDS", 8)):
        with monkeypatch.context() as small:
            small.setattr(encoder_module, name, size)
            tokenizer = compiled(models[kind])
            assert tokenizer.encode_batch(CORPUS) == expected == tokenizer.encode_batch(CORPUS)


def rows(ids, ends):
    return [ids[a:b].tolist() for a, b in zip(ends[:-1], ends[1:], strict=True)]


@pytest.mark.parametrize("kind", ("unigram", "bpe"))
def test_columns_give_the_ids_of_their_texts(models, monkeypatch, kind):
    texts = ["", *HARD, *CORPUS]
    wanted = [[1, *Tokenizer(models[kind]).encode(text), 2] for text in texts]
    column = pa.array(["not this", *texts, None], pa.large_string()).slice(1)
    unmarked = [i for i, text in enumerate(texts) if "\u2581" not in text and "\ue000" not in text]
    plain = pa.array([texts[i] for i in unmarked], pa.string())
    for least in (0, 1 << 30):
        monkeypatch.setattr(tokenizer_module, "KERNEL_BYTES", least)
        tokenizer = Tokenizer(models[kind])
        for threads in (1, 2, 3):
            assert rows(*tokenizer.encode_column(column, 1, 2, threads)) == [*wanted, [1, 2]]
        assert rows(*tokenizer.encode_column(plain)) == [wanted[i][1:-1] for i in unmarked]
        assert rows(*tokenizer.encode_column(column.slice(0, 0))) == []


def test_a_column_that_is_no_utf8_is_a_data_error(models):
    broken = pa.Array.from_buffers(
        pa.large_string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int64)), pa.py_buffer(b"\xe6\x98")]
    )
    with pytest.raises(DataError, match="UTF-8"):
        Tokenizer(models["bpe"]).encode_column(broken)


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_text_in_parts(models, compiled, monkeypatch, kind):
    monkeypatch.setattr(tokenizer_module, "LONG_CHARS", 50)
    tokenizer = compiled(models[kind])
    for text in [*HARD, *CORPUS[:10], "x" * 200 + " y" * 100]:
        assert "".join(tokenizer.parts(text)) == text
        assert [i for part in tokenizer.encode_long(text) for i in part] == tokenizer.encode(text)
    assert max(map(len, tokenizer.parts(CORPUS[0]))) < 100


def test_long_documents_of_unigram_sum_exactly_in_float32(models):
    # sentencepiece sums over the whole document; with scores in steps of 1/256 it would be wrong from 30,000
    # characters on.
    text = made(random.Random(5), 30_000)
    assert len(text) > 150_000
    assert Tokenizer(models["unigram"]).encode(text) == of_sentencepiece(models["unigram"], text)


def foreign(**settings) -> bytes:
    out = io.BytesIO()
    values = {
        "vocab_size": 500, "model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity",
        "add_dummy_prefix": False, "remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True, "pad_id": 0,
        "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "<pad>", "control_symbols": list(SPECIAL_TOKENS[4:]),
    }  # fmt: skip
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in CORPUS for line in text.split("\n") if line]), model_writer=out,
        minloglevel=2, **{**values, **settings},
    )  # fmt: skip
    return out.getvalue()


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"user_defined_symbols": ["ban", "\n", "\t"]}, "user-defined"), ({"split_by_whitespace": False}, "across words")],
)
def test_a_model_beyond_the_kernel_says_so_and_has_the_ids_of_sentencepiece(compiled, options, reason):
    model = foreign(**{**options, "user_defined_symbols": options.get("user_defined_symbols", [])})
    tokenizer = compiled(model)
    assert reason in tokenizer.slow_because
    texts = [*CORPUS[:20], "bandana ban\nx", "x " * 3000]
    wanted = [of_sentencepiece(model, text) for text in texts]
    assert tokenizer.encode_batch(texts) == wanted
    assert rows(*tokenizer.encode_column(pa.array(texts))) == wanted
    assert [i for part in tokenizer.encode_long(texts[-1]) for i in part] == wanted[-1]


def test_normalization_is_read_from_the_model():
    assert proto.normalization(foreign()) == ""
    assert "rules" in proto.normalization(foreign(normalization_rule_name="nmt_nfkc"))
    said = proto.normalization(foreign(add_dummy_prefix=True, remove_extra_whitespaces=True))
    assert said == "a space before every text, spaces removed"


BOUNDS = """
import sys
import numpy as np
np.seterr(over="ignore")
from aigc_cli.models import tokenizer as m
m.KERNEL_BYTES = 0
texts = ["", "a", "é", "春夏", "banana <b>\\n\\t verthe " * 3, "q\\U0001f600\\u2581", "ab" * 40, "x" * 300,
         "it's 12  \\n!"]
for path in sys.argv[1:]:
    tokenizer = m.Tokenizer.load(path)
    for _ in range(2):
        ids = tokenizer.encode_batch(texts)
    assert [tokenizer.decode(i) for i in ids] == texts
    import pyarrow as pa
    tokenizer.encode_column(pa.array(texts), 1, 2)
"""


def test_kernels_stay_within_their_arrays(models, tmp_path):
    # Without compilation every index is checked.
    models = {**models, "byte-bpe": train_tokenizer(CORPUS, kind="byte-bpe", vocab_size=500).model}
    paths = []
    for kind, model in models.items():
        paths.append(tmp_path / f"{kind}.model")
        paths[-1].write_bytes(model)
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", BOUNDS, *map(str, paths)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
