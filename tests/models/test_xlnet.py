"""XLNet against transformers: strict keys, logits and gradients of both streams; what each stream may see."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from transformers import XLNetConfig, XLNetLMHeadModel

from aigc_cli.explain.maps import READERS
from aigc_cli.models.bundle import Bundle, save_bundle
from aigc_cli.models.layers.attend import recorded
from aigc_cli.models.xlnet.config import Config
from aigc_cli.models.xlnet.hf import from_hf_config, to_hf_config
from aigc_cli.models.xlnet.model import XLNet, build, build_empty

CONFIG = Config(vocab_size=41, n_layer=2, n_head=3, n_embd=24, n_ff=40, context=16)


def randomised(model):
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    return model.eval()


@pytest.fixture
def pair():
    theirs = randomised(XLNetLMHeadModel(XLNetConfig(**to_hf_config(CONFIG))))
    ours = build_empty(CONFIG).eval()
    weights = {name: value for name, value in theirs.state_dict().items() if name != "lm_loss.weight"}
    ours.load_state_dict(weights, strict=True)
    return ours, theirs


def inputs():
    draw = torch.Generator().manual_seed(2)
    ids = torch.randint(1, 41, (3, 12), generator=draw)
    hidden = torch.rand(3, 12, 12, generator=draw) < 0.3
    at = torch.stack([torch.randperm(12, generator=draw)[:4] for _ in range(3)])
    mask = torch.ones_like(ids)
    mask[0, 9:] = 0
    types = (torch.arange(12) > 6).long().expand(3, -1)
    return ids, hidden, at, mask, types


def mapping(at):
    return torch.nn.functional.one_hot(at, 12).float()


@pytest.mark.parametrize("case", ["plain", "permuted", "padded", "segments", "all"])
def test_logits_and_gradients_are_theirs(pair, case):
    ours, theirs = pair
    ids, hidden, at, mask, types = inputs()
    permuted, padded, typed = case in ("permuted", "all"), case in ("padded", "all"), case in ("segments", "all")
    a = ours(ids, hidden if permuted else None, at if permuted else None, mask if padded else None,
             types if typed else None)  # fmt: skip
    given = {"perm_mask": hidden.float(), "target_mapping": mapping(at)} if permuted else {}
    given |= {"attention_mask": mask} if padded else {}
    given |= {"token_type_ids": types} if typed else {}
    b = theirs(ids, **given, use_mems=False).logits
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    for logits in (a, b):
        logits.log_softmax(-1)[..., 3].mean().backward()
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        if parameter.grad is not None and gradients[name] is not None:
            torch.testing.assert_close(parameter.grad, gradients[name], atol=1e-4, rtol=1e-3, msg=name)


def test_files_open_both_ways(pair, tmp_path):
    ours, theirs = pair
    save_bundle(tmp_path / "ours", "xlnet", CONFIG, ours.state_dict(), None, "")
    ids = inputs()[0]
    again = XLNetLMHeadModel.from_pretrained(tmp_path / "ours")
    torch.testing.assert_close(again(ids).logits, ours(ids), atol=1e-4, rtol=1e-4)
    theirs.save_pretrained(tmp_path / "theirs")
    assert from_hf_config(theirs.config.to_dict()) == CONFIG
    opened = Bundle.open(tmp_path / "theirs")
    torch.testing.assert_close(opened.model()(ids), ours(ids), atol=1e-5, rtol=1e-5)
    assert sum(v.numel() for v in ours.state_dict().values()) == CONFIG.parameters()
    assert load_file(tmp_path / "ours/model.safetensors").keys() == ours.state_dict().keys()


def ordered(order):
    """hidden [1, T, T] of a factorisation order: position i sees those that come before it."""
    rank = torch.empty(len(order), dtype=torch.long)
    rank[torch.tensor(order)] = torch.arange(len(order))
    return (rank[:, None] <= rank[None])[None]


def test_the_query_stream_never_sees_its_own_token():
    model = randomised(XLNet(CONFIG))
    ids, order = torch.tensor([[3, 9, 27, 14, 5, 30]]), [2, 0, 5, 1, 4, 3]
    at = torch.tensor([[4, 3]])
    before = model(ids, ordered(order), at)
    changed = ids.clone()
    changed[0, 4] = 8
    after = model(changed, ordered(order), at)
    torch.testing.assert_close(after[0, 0], before[0, 0], atol=1e-6, rtol=0)  # its own token
    assert (after[0, 1] - before[0, 1]).abs().max() > 1e-3  # what comes later in the order sees it
    changed[0, 3] = 2
    torch.testing.assert_close(model(changed, ordered(order), at)[0, 0], before[0, 0], atol=1e-6, rtol=0)
    other = model(ids, ordered([3, 4, 1, 5, 0, 2]), at)
    assert (other - before).abs().max() > 1e-3  # another factorisation order


def test_fresh_heads_look_at_their_neighbours():
    torch.manual_seed(0)
    model = build(Config(vocab_size=41, n_layer=2, n_head=4, n_embd=128, n_ff=40, context=64))
    with torch.no_grad(), recorded() as maps:
        model(torch.randint(1, 41, (8, 60)))
    for head, offset in enumerate((-1, 1, -2, 2)):
        mean = maps[0][:, head].mean(0)
        by_distance = {d: float(mean.diagonal(d)[5:50].mean()) for d in range(-5, 6)}
        assert max(by_distance, key=by_distance.get) == offset


def test_it_computes_in_16_bits(pair):
    ours, _ = pair
    ids, hidden, at, mask, types = inputs()
    wanted = ours(ids, hidden, at, mask, types)
    ours.compute_dtype = torch.bfloat16
    found = ours(ids, hidden, at, mask, types)
    assert found.dtype == torch.bfloat16 and (found.float() - wanted).abs().mean() < 0.1 * wanted.abs().mean()
    assert "xlnet" in READERS
