"""GPT against transformers' Qwen3ForCausalLM: strict loading both ways, logits, gradients, padding, cache."""

from __future__ import annotations

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from aigc_cli.core.errors import DataError
from aigc_cli.models.gpt.config import Config, Shape
from aigc_cli.models.gpt.hf import from_hf_config, to_hf_config
from aigc_cli.models.gpt.model import GPT, build, build_empty

SHAPES = {
    "tied": Config(vocab_size=37, n_layer=2, n_head=4, n_kv_head=4, head_dim=8, n_embd=24, n_ff=40, context=32),
    "untied, grouped queries": Config(
        vocab_size=61, n_layer=3, n_head=6, n_kv_head=2, head_dim=16, n_embd=48, n_ff=80, context=24,
        rope_theta=500_000.0, norm_eps=1e-5, tied=False,
    ),
    "tied, one kv head": Config(
        vocab_size=19, n_layer=1, n_head=3, n_kv_head=1, head_dim=4, n_embd=16, n_ff=24, context=16
    ),
}  # fmt: skip


@pytest.fixture(params=list(SHAPES))
def pair(request):
    """Our model with random weights, and transformers' with the same."""
    config = SHAPES[request.param]
    torch.manual_seed(1)
    ours = GPT(config)
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.4)
    theirs = Qwen3ForCausalLM(Qwen3Config(**to_hf_config(config))).eval()
    weights = dict(ours.state_dict())
    if config.tied:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    theirs.load_state_dict(weights, strict=True)
    return ours, theirs


def ids_of(model, batch=3, length=14):
    return torch.randint(0, model.config.vocab_size, (batch, length), generator=torch.Generator().manual_seed(2))


def test_logits_and_gradients_are_qwen3s(pair):
    ours, theirs = pair
    ids = ids_of(ours)
    a, b = ours(ids), theirs(ids).logits
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    for logits in (a, b):
        torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], atol=1e-4, rtol=1e-4, msg=name)


def test_their_weights_load_into_ours_strictly(pair):
    ours, theirs = pair
    config = from_hf_config(theirs.config.to_dict())
    assert config == ours.config
    again = build_empty(config)
    weights = {k: v for k, v in theirs.state_dict().items() if not (config.tied and k == "lm_head.weight")}
    again.load_state_dict(weights, strict=True)
    ids = ids_of(ours)
    torch.testing.assert_close(again(ids), ours(ids), atol=1e-6, rtol=0)


def test_left_padding_gives_their_logits(pair):
    ours, theirs = pair
    ids = ids_of(ours)
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    mask[1, :1] = 0
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    a = ours(ids, positions=positions, attention_mask=mask)
    b = theirs(ids, attention_mask=mask, position_ids=positions).logits
    torch.testing.assert_close(a[mask.bool()], b[mask.bool()], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(a[0, 5:], ours(ids[:1, 5:])[0], atol=1e-4, rtol=1e-4)
    a.sum().backward()
    assert all(p.grad.isfinite().all() for p in ours.parameters())


def test_cached_steps_are_the_full_forward_pass(pair):
    ours, _ = pair
    ids = ids_of(ours)
    full = ours(ids)
    cache = ours.new_cache(3)
    parts = [ours(ids[:, :6], cache), ours(ids[:, 6:7], cache), ours(ids[:, 7:11], cache), ours(ids[:, 11:], cache)]
    torch.testing.assert_close(torch.cat(parts, 1), full, atol=1e-4, rtol=1e-4)
    assert cache.lengths == [14] * 3


def test_rows_of_different_lengths_share_a_cache(pair):
    ours, _ = pair
    ids, lengths = ids_of(ours), [9, 4, 6]
    cache = ours.new_cache(3)
    ours(ids[:, :9], cache)
    cache.lengths = list(lengths)
    new = torch.stack([ids[row, n : n + 2] for row, n in enumerate(lengths)])
    logits = torch.cat([ours(new[:, :1], cache), ours(new[:, 1:], cache)], 1)
    for row, n in enumerate(lengths):
        torch.testing.assert_close(logits[row], ours(ids[row : row + 1, : n + 2])[0, n:], atol=1e-4, rtol=1e-4)


def test_cache_rollback_and_reorder(pair):
    ours, _ = pair
    ids = ids_of(ours)
    cache = ours.new_cache(3)
    ours(ids[:, :8], cache)
    cache.rollback(3)
    cache.reorder([2, 0])
    logits = ours(ids[[2, 0], 5:8], cache)
    torch.testing.assert_close(logits, ours(ids)[[2, 0], 5:8], atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="cannot forget"):
        cache.rollback(9)
    with pytest.raises(ValueError, match="the cache holds"):
        ours(ids_of(ours, 2, ours.config.context), cache)


def test_a_fresh_model_predicts_uniformly_and_blocks_start_as_the_identity():
    torch.manual_seed(0)
    model = build(Config(vocab_size=50, tied=False))
    ids = ids_of(model)
    assert model(ids).abs().max() == 0
    x = model.model.embed_tokens(ids)
    torch.testing.assert_close(model.hidden(ids), model.model.norm(x))


def test_bfloat16_activations_keep_float32_weights(pair):
    ours, _ = pair
    ids = ids_of(ours)
    exact = ours(ids)
    ours.compute_dtype = torch.bfloat16
    rough = ours(ids)
    assert rough.dtype == torch.bfloat16
    assert (rough - exact).abs().mean() < 0.1 * exact.abs().mean()
    rough.float().mean().backward()
    assert {p.grad.dtype for p in ours.parameters()} == {torch.float32}


def test_parameter_counts():
    for config in SHAPES.values():
        assert config.parameters() == sum(p.numel() for p in GPT(config).parameters())


def test_one_dial_and_its_overrides():
    config = Shape(depth=6, n_ff=100, tied="yes").config(vocab_size=65, record_length=128)
    assert (config.n_layer, config.n_embd, config.head_dim, config.n_head) == (6, 288, 32, 9)
    assert (config.n_ff, config.context, config.tied) == (100, 128, True)
    assert Shape().config(8192, 256).tied and not Shape().config(65, 256).tied
    wide = Shape(depth=12).config(8192, 256)
    assert (wide.n_embd, wide.head_dim, wide.n_head) == (576, 64, 9)


@pytest.mark.parametrize("wrong", [{"n_head": 4, "n_kv_head": 3}, {"head_dim": 5}, {"n_layer": 0}, {"vocab_size": -1}])
def test_impossible_shapes_are_refused(wrong):
    with pytest.raises(ValueError, match="; "):
        Config(**wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "llama"}, {"attention_bias": True}, {"hidden_act": "gelu"}, {"use_sliding_window": True},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, {"hidden_size": None}, {"head_dim": 3},
    ],
)  # fmt: skip
def test_foreign_checkpoints_are_refused(change):
    with pytest.raises(DataError):
        from_hf_config({**to_hf_config(Config()), **change})


@pytest.mark.parametrize("depth", [3, 4, 8, 12, 24, 30])
def test_every_depth_counts_its_parameters_rightly(depth):
    """Counted on the meta device, where a billion parameters cost nothing."""
    config = Config.from_depth(depth, vocab_size=32_768, context=1024)
    with torch.device("meta"):
        model = GPT(config)
    assert sum(p.numel() for p in model.parameters()) == config.parameters()
    assert sum(p.numel() for p in model.state_dict().values()) == config.parameters()
