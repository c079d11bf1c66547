"""The next-token objective: logits made piece by piece change nothing, samples are fixed."""

from __future__ import annotations

import torch

from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import build
from aigc_cli.train.data import IGNORE, TokenStream
from aigc_cli.train.objectives import lm
from aigc_cli.train.objectives.lm import CausalLM
from aigc_cli.train.samples import Sampler

CONFIG = Config(vocab_size=30, n_layer=1, n_head=2, n_kv_head=2, head_dim=8, n_embd=16, n_ff=32, context=12)


def made():
    torch.manual_seed(0)
    return build(CONFIG)


def test_pieces_of_logits_give_the_whole_loss_and_gradient(monkeypatch):
    ids = torch.randint(0, 30, (3, 9), generator=torch.Generator().manual_seed(0))
    targets = ids.roll(-1, 1)
    targets[1, 3:5] = IGNORE
    found = []
    for limit in (lm.LOGITS_BYTES, 4 * 30 * 4):  # all at once; four rows at a time
        monkeypatch.setattr(lm, "LOGITS_BYTES", limit)
        model = made()
        objective = CausalLM(model, validation=TokenStream([ids.numpy()]), context=12)
        loss, _ = objective.loss("gpt", (ids, targets), None)
        loss.backward()
        found.append((loss.detach(), model.model.embed_tokens.weight.grad, objective.validate(True)["val/loss_nats"]))
    for whole, pieces in zip(*found, strict=True):
        torch.testing.assert_close(torch.as_tensor(pieces), torch.as_tensor(whole), atol=1e-5, rtol=1e-5)
    logits = model(ids).detach()
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
    torch.testing.assert_close(found[0][0], expected)


def test_samples_are_the_same_every_time_and_differ_by_prompt():
    model, sampler = made(), Sampler([[3, 4], [3, 4], list(range(20))], None, 50, seed=1)
    first = sampler(model)
    assert first == sampler(model)
    assert first[0]["prompt"] == [3, 4] and first[0]["text"] != first[1]["text"]
    assert [len(s["prompt"]) + len(s["text"]) for s in first] == [12, 12, 12]


def test_without_validation_there_are_no_numbers():
    objective = CausalLM(made())
    assert objective.validate(True) == {} and objective.validation_tokens(True) == 0 and objective.samples() == []
