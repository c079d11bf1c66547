"""Seq2seq against transformers' T5ForConditionalGeneration: strict loading both ways, logits, gradients, padding."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForSeq2SeqLM, T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Attention

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.models.bundle import Bundle, save_bundle
from aigc_cli.models.layers.attend import recorded
from aigc_cli.models.seq2seq.attention import buckets
from aigc_cli.models.seq2seq.config import Config, Shape
from aigc_cli.models.seq2seq.hf import COPIES, from_hf_config, to_hf_config
from aigc_cli.models.seq2seq.model import Seq2seq, build, build_empty

SHAPES = {
    "own head": Config(
        vocab_size=41, n_layer=2, n_decoder_layer=3, n_head=4, head_dim=8, n_embd=24, n_ff=40, context=32,
        n_bucket=8, max_distance=12,
    ),
    "tied, wide heads": Config(
        vocab_size=29, n_layer=1, n_decoder_layer=1, n_head=3, head_dim=16, n_embd=16, n_ff=24, tied=True,
        norm_eps=1e-5,
    ),
}  # fmt: skip


def random_model(config: Config) -> Seq2seq:
    torch.manual_seed(1)
    model = Seq2seq(config)
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, 0.1 if parameter.ndim == 1 else 0.0, 0.2)
        if name == "shared.weight":
            torch.nn.init.normal_(parameter, 0, 1)
    return model


def with_copies(model: Seq2seq) -> dict[str, torch.Tensor]:
    """The state dict with the names under which T5's class holds the shared embedding again."""
    weights = dict(model.state_dict())
    tied = {"lm_head.weight": "shared.weight"} if model.config.tied else {}
    return weights | {copy: weights[name] for copy, name in (COPIES | tied).items()}


def their_class(config: Config) -> T5ForConditionalGeneration:
    theirs = T5ForConditionalGeneration(T5Config(**to_hf_config(config))).eval()
    if not config.tied:  # transformers 5 ties all heads of T5 until a checkpoint brings one
        theirs.lm_head.weight = torch.nn.Parameter(theirs.lm_head.weight.detach().clone())
    return theirs


@pytest.fixture(params=list(SHAPES))
def pair(request):
    """Our model with random weights, and transformers' with the same."""
    ours = random_model(SHAPES[request.param])
    theirs = their_class(ours.config)
    theirs.load_state_dict(with_copies(ours), strict=True)
    return ours, theirs


def batch(config: Config) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    source, target = (torch.randint(0, config.vocab_size, (3, n), generator=generator) for n in (17, 14))
    source_mask, target_mask = torch.ones_like(source), torch.ones_like(target)
    source_mask[0, 9:], source_mask[1, :4] = 0, 0  # right and left
    target_mask[0, 11:], target_mask[2, :3] = 0, 0
    return {"source": source, "target": target, "source_mask": source_mask, "target_mask": target_mask}


def test_logits_and_gradients_are_t5s_with_padding(pair):
    ours, theirs = pair
    b = batch(ours.config)
    a = ours(b["source"], b["target"], b["source_mask"], b["target_mask"])
    t = theirs(
        input_ids=b["source"], attention_mask=b["source_mask"], decoder_input_ids=b["target"],
        decoder_attention_mask=b["target_mask"],
    ).logits  # fmt: skip
    real = b["target_mask"].bool()
    torch.testing.assert_close(a[real], t[real], atol=1e-4, rtol=1e-4)
    labels = torch.where(real, b["target"].roll(-1, 1), -100)
    for logits in (a, t):
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()).backward()
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], atol=1e-4, rtol=1e-4, msg=name)


def test_without_masks_it_is_the_same_as_without_padding(pair):
    ours, theirs = pair
    b = batch(ours.config)
    a, t = ours(b["source"], b["target"]), theirs(input_ids=b["source"], decoder_input_ids=b["target"]).logits
    torch.testing.assert_close(a, t, atol=1e-4, rtol=1e-4)
    padded = ours(b["source"], b["target"], b["source_mask"], b["target_mask"])
    torch.testing.assert_close(padded[0, :11], ours(b["source"][:1, :9], b["target"][:1, :11])[0], atol=1e-4, rtol=1e-4)


def test_their_checkpoint_loads_into_ours(pair, tmp_path):
    ours, theirs = pair
    theirs.save_pretrained(tmp_path / "saved")
    (tmp_path / "published").mkdir()
    theirs.config.save_pretrained(tmp_path / "published")
    weights = {name: value.clone() for name, value in with_copies(ours).items()}  # as in Google's files: with copies
    save_file(weights, tmp_path / "published/model.safetensors", metadata={"format": "pt"})
    b = batch(ours.config)
    for place in ("saved", "published"):
        bundle = Bundle.open(tmp_path / place)
        assert bundle.config == Config(**{**vars(ours.config)}) and bundle.family.name == "seq2seq"
        again = build_empty(bundle.config)
        again.load_state_dict(bundle.weights(), strict=True)
        torch.testing.assert_close(again(b["source"], b["target"]), ours(b["source"], b["target"]), atol=1e-6, rtol=0)


def test_our_bundle_opens_in_transformers_with_its_own_head(pair, tmp_path):
    ours, _ = pair
    save_bundle(tmp_path / "ours", "seq2seq", ours.config, ours.state_dict(), None, "# tiny\n")
    theirs = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "ours").eval()
    b = batch(ours.config)
    logits = theirs(input_ids=b["source"], decoder_input_ids=b["target"]).logits
    torch.testing.assert_close(logits, ours(b["source"], b["target"]), atol=1e-4, rtol=1e-4)
    assert theirs.generation_config.decoder_start_token_id == ours.config.start_id


def test_buckets_are_t5s():
    distance = torch.arange(-300, 301)[None]
    for bidirectional in (True, False):
        for n_bucket, most in ((32, 128), (8, 12), (64, 256)):
            wanted = T5Attention._relative_position_bucket(distance, bidirectional, n_bucket, most)
            found = buckets(distance, bidirectional=bidirectional, n_bucket=n_bucket, max_distance=most)
            assert torch.equal(found, wanted)


def test_every_attention_is_recorded():
    model = random_model(SHAPES["own head"])
    b = batch(model.config)
    with recorded() as maps:
        model(b["source"], b["target"], b["source_mask"])
    shapes = [tuple(m.shape) for m in maps]
    assert shapes == [(3, 4, 17, 17)] * 2 + [(3, 4, 14, 14), (3, 4, 14, 17)] * 3
    assert all(torch.allclose(m.sum(-1), torch.ones(())) for m in maps)
    assert maps[2][..., 3, 4:].max() == 0  # the decoder does not look ahead
    assert maps[3][0, ..., 9:].max() == 0  # nor at padding of the source


def test_bfloat16_stays_close_and_keeps_its_masters():
    model = random_model(SHAPES["own head"])
    b = batch(model.config)
    exact = model(b["source"], b["target"], b["source_mask"])
    model.compute_dtype = torch.bfloat16
    near = model(b["source"], b["target"], b["source_mask"])
    assert near.dtype == torch.bfloat16
    assert torch.nn.functional.cosine_similarity(near.float().flatten(), exact.flatten(), 0) > 0.99
    near.float().logsumexp(-1).sum().backward()
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in model.parameters())


def test_fresh_weights_predict_uniformly_and_are_counted():
    config = Shape(depth=2, decoder_layers=3, head_dim=24).config(101, 64)
    model = build(config)
    assert sum(p.numel() for p in model.parameters()) == config.parameters()
    b = batch(config)
    assert model(b["source"], b["target"]).abs().max() == 0
    tied = Shape(depth=1, tied="yes").config(50, 16)
    assert sum(p.numel() for p in build(tied).parameters()) == tied.parameters()


def test_what_does_not_fit_is_refused():
    good = to_hf_config(Config())
    assert from_hf_config(good) == Config()
    for change in ({"feed_forward_proj": "relu"}, {"d_kv": None}, {"num_heads": 0}, {"tie_word_embeddings": "no"},
                   {"relative_attention_num_buckets": 6}, {"model_type": "bert"}):  # fmt: skip
        with pytest.raises(DataError):
            from_hf_config({**good, **change})
    with pytest.raises(ConfigError):
        Shape(n_bucket=10).config(50, 16)
