"""BERT against transformers: strict keys, files both ways, logits and gradients with padding and token types."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForPreTraining,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForPreTraining,
    BertForSequenceClassification,
)

from aigc_cli.models.bert.config import Config
from aigc_cli.models.bert.hf import from_hf_config, to_hf_config
from aigc_cli.models.bert.model import BERT, build, build_empty
from aigc_cli.models.bundle import save_bundle
from aigc_cli.models.layers.attend import recorded

CONFIG = Config(vocab_size=41, n_layer=2, n_head=3, n_embd=24, n_ff=40, context=16)


def inputs():
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(1, 41, (3, 12), generator=generator)
    mask = torch.ones_like(ids)
    mask[0, 7:] = 0
    return ids, mask, torch.randint(0, 2, (3, 12), generator=generator)


def randomised(model):
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    return model


def saved(theirs, directory):
    theirs.save_pretrained(directory)
    return load_file(directory / "model.safetensors")


@pytest.mark.parametrize("kind", ["pretrain", "classify"])
def test_weights_logits_and_gradients_are_theirs(kind, tmp_path):
    hf = BertConfig(**to_hf_config(CONFIG), num_labels=5)
    theirs = randomised((BertForPreTraining if kind == "pretrain" else BertForSequenceClassification)(hf)).eval()
    labels = () if kind == "pretrain" else tuple(f"LABEL_{i}" for i in range(5))
    config = replace(CONFIG, labels=labels)
    ours = build_empty(config)
    ours.load_state_dict(saved(theirs, tmp_path), strict=True)
    assert from_hf_config(theirs.config.to_dict()) == config
    assert sum(value.numel() for value in ours.state_dict().values()) == config.parameters()
    ids, mask, types = inputs()
    a = ours(ids, mask, types)
    b = theirs(ids, attention_mask=mask, token_type_ids=types)
    pairs = [(a, b.logits)] if kind == "classify" else [(a[0], b.prediction_logits), (a[1], b.seq_relationship_logits)]
    for x, y in pairs:
        torch.testing.assert_close(x, y, atol=1e-4, rtol=1e-4)
    for side in (0, 1):
        sum(pair[side].log_softmax(-1)[..., 1].mean() for pair in pairs).backward()
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], atol=1e-4, rtol=1e-4, msg=name)


def test_our_file_opens_in_transformers(tmp_path):
    ours = randomised(BERT(CONFIG))
    BertConfig(**to_hf_config(CONFIG)).save_pretrained(tmp_path)
    save_file(ours.state_dict(), tmp_path / "model.safetensors", {"format": "pt"})
    ids, mask, types = inputs()
    words, _ = ours(ids, mask, types)
    for auto, field in ((AutoModelForPreTraining, "prediction_logits"), (AutoModelForMaskedLM, "logits")):
        out = auto.from_pretrained(tmp_path)(ids, attention_mask=mask, token_type_ids=types)
        torch.testing.assert_close(getattr(out, field), words, atol=1e-4, rtol=1e-4)
    again = build_empty(CONFIG)
    again.load_state_dict(ours.state_dict(), strict=True)
    again.compute_dtype = torch.bfloat16
    assert again(ids, mask, types)[0].dtype == torch.bfloat16


def test_a_classifier_of_ours_opens_in_transformers(tmp_path):
    config = replace(CONFIG, labels=("bad", "good", "so-so"))
    ours = randomised(build_empty(config)).eval()
    save_bundle(tmp_path, "bert", config, ours.state_dict(), None, "")
    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert theirs.config.id2label == {0: "bad", 1: "good", 2: "so-so"}
    ids, mask, _ = inputs()
    torch.testing.assert_close(theirs(ids, attention_mask=mask).logits, ours(ids, mask), atol=1e-4, rtol=1e-4)
    assert from_hf_config(theirs.config.to_dict()) == config


def test_fresh_heads_look_at_their_neighbours():
    """The first block's heads look 1 back, 1 ahead, 2 back and 2 ahead, whatever the words."""
    torch.manual_seed(0)
    model = build(Config(vocab_size=41, n_layer=2, n_head=4, n_embd=128, n_ff=40, context=64))
    with torch.no_grad(), recorded() as maps:
        model(torch.randint(1, 41, (8, 60)))
    for head, offset in enumerate((-1, 1, -2, 2)):
        mean = maps[0][:, head].mean(0)
        by_distance = {d: float(mean.diagonal(d)[5:50].mean()) for d in range(-5, 6)}
        assert max(by_distance, key=by_distance.get) == offset
    assert model.bert.embeddings["word_embeddings"].weight[0].abs().sum() == 0


def test_attention_maps_are_theirs(tmp_path):
    from types import SimpleNamespace

    from aigc_cli.explain.maps import READERS

    pieces = [SimpleNamespace(text=str(i)) for i in range(41)]
    tokenizer = SimpleNamespace(
        cls=1, sep=2, encode=lambda text: [7, 8, 9], decode_bytes=lambda ids: str(ids[0]).encode(), pieces=pieces
    )
    ours = randomised(BERT(CONFIG)).eval()
    BertConfig(**to_hf_config(CONFIG)).save_pretrained(tmp_path)
    save_file(ours.state_dict(), tmp_path / "model.safetensors", {"format": "pt"})
    theirs = AutoModelForPreTraining.from_pretrained(tmp_path, attn_implementation="eager")
    with torch.inference_mode():
        (maps,) = READERS["bert"](ours, tokenizer, "a b c", "")
        wanted = theirs(torch.tensor([[1, 7, 8, 9, 2]]), output_attentions=True).attentions
    assert maps.queries == ["1", "7", "8", "9", "2"]
    torch.testing.assert_close(torch.tensor(maps.weights_LHTS), torch.cat(wanted), atol=1e-5, rtol=1e-4)
