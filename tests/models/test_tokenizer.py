"""The tokenizer: nothing is lost, and transformers gives the same ids."""

from __future__ import annotations

import contextlib
import pickle
import random

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import sentencepiece_model_pb2

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.models import sentencepiece_proto as proto
from aigc_cli.models.tokenizer import SPECIAL_TOKENS, Tokenizer
from aigc_cli.models.tokenizer_text import WORD_CHARS, chunked, escape, unescape
from aigc_cli.tokenize.vocabulary import train_tokenizer

KINDS = ("unigram", "bpe", "char")
WORDS = (
    "the",
    "river",
    "and",
    "a",
    "lantern",
    "of",
    "quiet",
    "banana",
    "bandana",
    "2024",
    "春",
    "夏",
    "秋",
    "河流",
    "café",
)


def corpus() -> list[str]:
    rng = random.Random(0)
    made = [
        "".join(rng.choices(("ba", "na", "ri", "ver", "the", "or", "s", "an", "qu", "ie"), k=n)) for n in (2, 3, 4) * 60
    ]
    texts = []
    for _ in range(150):
        lines = [
            [" " * rng.choice((0, 4, 8)), *rng.choices([*WORDS, *made], k=12), rng.choice((".", "。", "<b>"))]
            for _ in "abcdef"
        ]
        texts.append("\n".join(" ".join(line) for line in lines))
    return texts


@pytest.fixture(scope="module")
def tokenizers():
    return {kind: train_tokenizer(corpus(), kind=kind, vocab_size=None if kind == "char" else 520) for kind in KINDS}


@pytest.fixture(scope="module")
def peers(tokenizers, tmp_path_factory):
    """transformers' tokenizers from the saved directories."""
    from transformers import AutoTokenizer

    found = {}
    for kind, tokenizer in tokenizers.items():
        directory = tmp_path_factory.mktemp(kind)
        tokenizer.save(directory)
        found[kind] = AutoTokenizer.from_pretrained(directory)
    return found


HARD = [
    "", " ", "   ", "\n", "\t\t", "\r\n", "a\r\nb\rc", "\0", "a\0b", "\u2581", " \u2581 \u2581\u2581", "\ue000",
    "\ue000\ue0a0", "\ue000\ue0b1", "\ue000\u2581", "\ue0a0\ue0b1", "\u2585", "\u2047", "\ufffd", "\ufeff",
    "\u200b\u3000\u00a0",
    "ﬁ①Å",
    "<s>", "<pad>", "é<s>", "<unk>", "<0x41>", "<0x0A>", "é<0x41>", "<|user|>hi<|end|>", "<extra_id_3>", "<<s>>",
    "<mask>", "👩\u200d👩\u200d👧", "\U0010ffff", "e\u0301", "x" * 5000, " " * 5000, "ab" * 3000, "<" * 5000,
    "a \n" * 3000,
    ("x" * (WORD_CHARS - 1) + " ") * 3, ("x" * WORD_CHARS + " ") * 3, ("x" * (WORD_CHARS + 1) + "<") * 3,
    (" " * (WORD_CHARS - 1) + "x") * 3, " " * 2100 + "y" * 2100 + "\ue000" * 2100, "春夏秋冬" * 1500,
]  # fmt: skip

# Few letters make many ties and overlapping merges; the rest is all of Unicode but surrogates.
TEXTS = st.one_of(
    st.text(alphabet="aban \n<"),
    st.text(alphabet="the river<s>\t 春夏\u2581\ue000\ue0a0\ue0b1é", max_size=200),
    st.text(),
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_comes_back(tokenizers, kind):
    tokenizer = tokenizers[kind]

    @settings(max_examples=150, deadline=None)
    @given(TEXTS)
    def check(text):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert tokenizer.decode_bytes(ids) == text.encode()
        assert "".join(tokenizer.stream(ids)) == text
        assert not set(ids) & set(tokenizer.special_ids.values())

    check()
    for text in HARD + corpus()[:5]:
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_gives_the_same_ids_and_text(tokenizers, peers, kind):
    tokenizer, peer = tokenizers[kind], peers[kind]
    assert len(peer) == tokenizer.vocab_size

    @settings(max_examples=150, deadline=None)
    @given(TEXTS)
    def check(text):
        ids = tokenizer.encode(text)
        assert peer.encode(text) == ids
        assert peer.decode(ids) == text

    check()
    for text in HARD + corpus():
        assert peer.encode(text) == tokenizer.encode(text), text[:50]


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_knows_the_special_tokens(tokenizers, peers, kind):
    tokenizer, peer = tokenizers[kind], peers[kind]
    assert (peer.pad_token_id, peer.bos_token_id, peer.eos_token_id, peer.unk_token_id) == (0, 1, 2, 3)
    assert (peer.mask_token_id, peer.cls_token_id, peer.sep_token_id) == (tokenizer.mask, tokenizer.cls, tokenizer.sep)
    assert peer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == [tokenizer.special_ids[t] for t in SPECIAL_TOKENS]
    assert peer.decode([1, *tokenizer.encode("a river"), 2], skip_special_tokens=True) == "a river"


@pytest.mark.parametrize("model_type", ["qwen3", "t5", "bert", "xlnet"])
def test_ids_stay_the_same_beside_the_config_of_a_model(tokenizers, tmp_path, model_type):
    from transformers import AutoTokenizer

    tokenizers["unigram"].save(tmp_path)
    (tmp_path / "config.json").write_text(f'{{"model_type": "{model_type}"}}')
    peer = AutoTokenizer.from_pretrained(tmp_path)
    for text in HARD:
        assert peer.encode(text) == tokenizers["unigram"].encode(text)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_sentencepiece(tokenizers, kind):
    processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizers[kind].model)
    for text in corpus():
        assert tokenizers[kind].encode(text) == processor.encode(text)


def test_a_text_cut_in_chunks_is_the_text():
    rng = random.Random(1)
    for _ in range(50):
        text = "".join(rng.choices(["x" * 700, " ", "    ", "\n", "\t", "<", "yy"], k=60))
        parts = chunked(text)
        assert "".join(parts) == text and max(map(len, parts)) <= WORD_CHARS


@given(st.text(alphabet="\ue000\ue0a0\ue0b1\u2581a"))
def test_escape_has_an_inverse(text):
    assert unescape(escape(text)) == text and "\u2581" not in escape(text)


def test_long_texts_and_batches_give_the_ids_of_single_texts(tokenizers):
    tokenizer = tokenizers["unigram"]
    texts = ["", "a river", "the " * 5000, "\ue000" * 3000]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(t) for t in texts]
    long = "the quiet garden\n" * 60_000
    assert [i for part in tokenizer.encode_long(long) for i in part] == tokenizer.encode(long)


def test_newlines_tabs_and_angle_brackets_stand_alone_and_spaces_may_run(tokenizers):
    for kind in ("unigram", "bpe"):
        pieces = [p.text for p in tokenizers[kind].pieces if p.type == proto.NORMAL]
        assert {"\n", "\t", "<"} <= set(pieces)
        assert not [p for p in pieces if len(p) > 1 and set(p) & set("\n\t<")]
        assert [p for p in pieces if len(p) > 1 and not p.strip("▁")]
        assert tokenizers[kind].tokens("    the") != list("    the")


def test_digits_can_be_split():
    pieces = train_tokenizer(corpus(), kind="bpe", vocab_size=500, split_digits=True).pieces
    assert not [
        p.text for p in pieces if p.type == proto.NORMAL and len(p.text) > 1 and any(c.isdigit() for c in p.text)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_saving_and_loading_keeps_everything(tokenizers, kind, tmp_path):
    tokenizer = tokenizers[kind]
    tokenizer.save(tmp_path / "a")
    again = Tokenizer.load(tmp_path / "a")
    again.save(tmp_path / "b")
    assert again.digest == tokenizer.digest and again.kind == kind
    assert {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()
    }
    assert Tokenizer.load(tmp_path / "a" / "tokenizer.model").digest == tokenizer.digest


def test_the_model_file_is_read_and_written_as_protobuf_does(tokenizers):
    model = tokenizers["unigram"].model
    oracle = sentencepiece_model_pb2.ModelProto.FromString(model)
    assert [(p.piece, p.score, p.type) for p in oracle.pieces] == [
        (p.text, p.score, p.type) for p in proto.read_pieces(model)
    ]
    again = sentencepiece_model_pb2.ModelProto.FromString(proto.replace_pieces(model, proto.read_pieces(model)))
    assert again == oracle
    assert not oracle.trainer_spec.input and not oracle.trainer_spec.model_prefix  # no path of this machine


def test_scores_sum_exactly(tokenizers):
    scores = [p.score for p in tokenizers["unigram"].pieces if p.type == proto.NORMAL]
    assert all(score * 16 == int(score * 16) for score in scores) and min(scores) >= -22


def test_bytes_of_half_a_character_do_not_fail(tokenizers):
    tokenizer = tokenizers["bpe"]
    ids = tokenizer.encode("\U0001f600")
    assert tokenizer.decode(ids[:2]) == "\ufffd"
    assert list(tokenizer.stream(ids)) == ["\U0001f600"]


def test_bad_input_is_named(tokenizers, tmp_path):
    tokenizer = tokenizers["bpe"]
    with pytest.raises(DataError, match="surrogate"):
        tokenizer.encode("\ud800")
    for ids in ([tokenizer.vocab_size], [-1]):
        with pytest.raises(DataError, match="outside"):
            tokenizer.decode(ids)
    with pytest.raises(ConfigError, match="no tokenizer"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="no byte-level BPE"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"hello", pickle.dumps({"a": [1, 2]}), b"\x0a\xff\xff\xff\xff\x0f"]
)
def test_a_file_that_is_no_model_is_refused(content, tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        Tokenizer.load(tmp_path)


def test_a_cut_or_altered_model_never_crashes(tokenizers, tmp_path):
    model = tokenizers["unigram"].model
    rng = random.Random(0)
    for _ in range(30):
        broken = bytearray(model[: rng.randrange(len(model))])
        for _ in range(5):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        with contextlib.suppress(DataError):
            Tokenizer(bytes(broken))


def test_a_foreign_model_is_refused(tmp_path):
    prefix = str(tmp_path / "m")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_prefix=prefix, vocab_size=120, minloglevel=2
    )
    with pytest.raises(DataError, match="does not reserve"):
        Tokenizer.load(prefix + ".model")
