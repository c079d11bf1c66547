"""explain attention: the maps are transformers' own, the table and the report show them, bad input is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from aigc_cli.cli import main
from aigc_cli.explain.attention import _positions
from aigc_cli.explain.maps import attention_maps
from aigc_cli.models.bundle import Bundle, save_bundle
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import GPT
from aigc_cli.models.layers.attend import attend, attention_map, recorded
from aigc_cli.models.seq2seq.config import Config as Seq2seqConfig
from aigc_cli.models.seq2seq.model import build as build_seq2seq
from aigc_cli.tokenize.vocabulary import train_tokenizer

TEXT = "The animal didn't cross the street because it was too tired"


@pytest.fixture(scope="module")
def gpt(tmp_path_factory):
    """A GPT with grouped queries and random weights, and a tokenizer of characters."""
    directory = tmp_path_factory.mktemp("gpt")
    tokenizer = train_tokenizer([TEXT], kind="char")
    config = Config(vocab_size=tokenizer.vocab_size, n_layer=2, n_head=4, n_kv_head=2, head_dim=8, n_embd=24, n_ff=40,
                    context=96)  # fmt: skip
    torch.manual_seed(0)
    model = GPT(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.4)
    save_bundle(directory, "gpt", config, model.state_dict(), tokenizer, "# test\n")
    return directory


def test_maps_are_those_of_transformers(gpt):
    bundle = Bundle.open(gpt)
    (maps,) = attention_maps(bundle, TEXT)
    ids = [bundle.tokenizer.bos, *bundle.tokenizer.encode(TEXT)]
    theirs = AutoModelForCausalLM.from_pretrained(gpt, attn_implementation="eager")
    with torch.no_grad():
        wanted = torch.stack(theirs(torch.tensor([ids]), output_attentions=True).attentions)[:, 0]
    assert maps.weights_LHTS.shape == (2, 4, len(ids), len(ids))
    np.testing.assert_allclose(maps.weights_LHTS, wanted, atol=1e-5)
    np.testing.assert_allclose(maps.weights_LHTS.sum(-1), 1, atol=1e-5)
    assert "".join(maps.queries[1:]) == TEXT and maps.queries == maps.keys


def test_a_map_is_the_softmax_written_out():
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, 3, 5, 4)) for _ in "qkv")
    bias = rng.normal(size=(1, 3, 5, 5))
    seen = rng.random((2, 1, 5, 5)) < 0.6
    seen |= np.eye(5, dtype=bool)
    tensors = [torch.tensor(x, dtype=torch.float32) for x in (q, k, v)]
    for mask, scale in ((None, None), (torch.tensor(seen), None), (torch.tensor(bias, dtype=torch.float32), 1.0)):
        scores = np.einsum("bhtd,bhsd->bhts", q, k) * (0.5 if scale is None else scale)
        if mask is not None:
            scores = np.where(seen, scores, -np.inf) if mask.dtype == torch.bool else scores + bias
        wanted = np.exp(scores - scores.max(-1, keepdims=True))
        wanted /= wanted.sum(-1, keepdims=True)
        with recorded() as found:
            y = attend(*tensors, mask=mask, scale=scale)
        np.testing.assert_allclose(found[0], wanted, atol=1e-5)
        np.testing.assert_allclose(y, wanted @ v, atol=1e-4)
    causal = attention_map(*tensors[:2], causal=True)
    assert float(causal.triu(1).abs().max()) == 0.0


def test_nothing_is_recorded_outside():
    with recorded() as found:
        pass
    attend(*(torch.randn(1, 1, 2, 4) for _ in "qkv"))
    assert found == []


def test_the_command_and_its_report(gpt, here, capsys):
    assert main(["explain", "attention", str(gpt), TEXT, "--word", "it", "--layer", "2", "--head", "3"]) == 0
    out = capsys.readouterr().out
    assert "'it' looks at" in out and len(out.splitlines()) == 3
    assert main(["explain", "attention", str(gpt), "too", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert np.array(told["maps"][0]["weights"]).shape == (2, 4, 4, 4)
    assert main(["explain", "attention", str(gpt), "<b>it", "-o", "looked"]) == 0
    assert json.loads((here / "looked/attention.json").read_text())["text"] == "<b>it"
    assert main(["report", "looked"]) == 0
    page = (here / "looked/report.html").read_text()
    assert page.count("data:image/png") == 8 and "<title>" in page and "<b>it" not in page
    assert "Arcs of layer 2" in page and "&lt;b&gt;it" in page


@pytest.mark.parametrize(
    "arguments, told",
    [
        ([" "], "there is no text to read"),
        (["tired " * 60], "the text has"),
        ([TEXT, "--layer", "9"], "there is no layer 9"),
        ([TEXT, "--word", "cat"], "'cat' does not stand in the text"),
        ([TEXT, "--target", "x"], "--target is for encoder-decoder models"),
    ],
)
def test_bad_input_is_two_lines(gpt, capsys, arguments, told):
    assert main(["explain", "attention", str(gpt), *arguments]) in (2, 3)
    error = capsys.readouterr().err.splitlines()
    assert told in error[0] and error[1].startswith("hint: ") and len(error) == 2


def test_a_word_may_be_several_tokens():
    assert _positions(["<s>", "The", " ani", "mal", " s"], "animal") == [2, 3]


def test_encoder_decoder_maps_are_those_of_transformers(tmp_path):
    tokenizer = train_tokenizer([TEXT], kind="char")
    config = Seq2seqConfig(
        vocab_size=tokenizer.vocab_size,
        n_layer=2,
        n_decoder_layer=3,
        n_head=3,
        head_dim=8,
        n_embd=24,
        n_ff=40,
        context=96,
    )
    torch.manual_seed(0)
    model = build_seq2seq(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.2)
    save_bundle(tmp_path, "seq2seq", config, model.state_dict(), tokenizer, "")
    bundle, target = Bundle.open(tmp_path), "it was tired"
    encoder, decoder, cross = attention_maps(bundle, TEXT, target)
    theirs = AutoModelForSeq2SeqLM.from_pretrained(tmp_path, attn_implementation="eager")
    source = torch.tensor([[*bundle.tokenizer.encode(TEXT), bundle.tokenizer.eos]])
    given = torch.tensor([[config.start_id, *bundle.tokenizer.encode(target)]])
    with torch.no_grad():
        out = theirs(source, decoder_input_ids=given, output_attentions=True)
    for maps, wanted in ((encoder, out.encoder_attentions), (decoder, out.decoder_attentions),
                         (cross, out.cross_attentions)):  # fmt: skip
        np.testing.assert_allclose(maps.weights_LHTS, torch.stack(wanted)[:, 0], atol=1e-5)
    assert "".join(cross.keys[:-1]) == TEXT and "".join(cross.queries[1:]) == target
    written = attention_maps(bundle, TEXT)  # what it writes itself: anything, with these weights
    assert [m.kind for m in written] == ["encoder", "decoder", "cross"]
    assert main(["explain", "attention", str(tmp_path), TEXT, "--target", target]) in (0, None)
