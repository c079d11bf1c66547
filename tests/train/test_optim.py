"""Muon against the SVD, the schedule against its closed form, and which parameter goes where."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import build
from aigc_cli.train.optim.adamw import AdamW
from aigc_cli.train.optim.build import build_optimizers, set_lr
from aigc_cli.train.optim.muon import Muon, orthogonalize
from aigc_cli.train.optim.schedule import warmup_stable_decay
from aigc_cli.train.options import TrainOptions


@pytest.mark.parametrize("shape", [(16, 16), (48, 16), (16, 48), (1, 9)])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_orthogonalize_is_the_polar_factor(shape, scale):
    matrix = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0)) * scale
    u, s, vh = torch.linalg.svd(matrix.double(), full_matrices=False)
    found = orthogonalize(matrix).double()
    singular = torch.linalg.svdvals(found)
    large = s > 0.02 * s[:, :1]
    assert (singular[large] - 1).abs().max() < 0.16
    if shape[0] != shape[1]:  # a square one may have tiny singular values, whose sign is not settled
        torch.testing.assert_close(found, u @ vh, atol=0.16, rtol=0)


def test_orthogonalize_takes_bfloat16_and_zero():
    matrix = torch.randn(2, 32, 64, generator=torch.Generator().manual_seed(0))
    rough = orthogonalize(matrix, dtype=torch.bfloat16)
    assert rough.dtype == torch.bfloat16
    assert (torch.linalg.svdvals(rough.float()) - 1).abs().max() < 0.2
    assert orthogonalize(torch.zeros(1, 4, 4)).abs().max() == 0


def reference_muon(parameter, gradients, lr, momentum_of, decay):
    """Muon for one matrix with the SVD instead of the iteration."""
    buffer = torch.zeros_like(parameter)
    for step, gradient in enumerate(gradients):
        momentum = momentum_of(step)
        buffer = momentum * buffer + (1 - momentum) * gradient
        update = (1 - momentum) * gradient + momentum * buffer
        u, _, vh = torch.linalg.svd(update, full_matrices=False)
        scale = max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
        parameter = parameter * (1 - lr * decay) - lr * scale * (u @ vh)
    return parameter


def test_muon_steps_as_defined_whatever_the_batching():
    generator = torch.Generator().manual_seed(0)
    # The last one is a matrix with an axis for heads, [inputs, heads, width].
    starts = [torch.randn(shape, generator=generator) for shape in ((24, 8), (8, 24), (24, 8), (12, 40), (12, 5, 8))]
    gradients = [[torch.randn(s.shape, generator=generator) for s in starts] for _ in range(3)]
    parameters = [torch.nn.Parameter(s.clone()) for s in starts]
    optimizer = Muon(parameters, lr=0.1, weight_decay=0.5)
    for step in range(3):
        for parameter, gradient in zip(parameters, gradients[step], strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()
    for i, parameter in enumerate(parameters):
        flat = [g[i].flatten(1) for g in gradients]
        expected = reference_muon(starts[i].flatten(1), flat, 0.1, lambda s: 0.85 + 0.1 * min(s / 100, 1), 0.5)
        torch.testing.assert_close(parameter.detach().flatten(1), expected, atol=0.03, rtol=0)


def test_schedule_closed_form():
    factor = [warmup_stable_decay(s, 100, 10, 0.3) for s in range(100)]
    assert factor[0] == pytest.approx(0.1) and factor[9] == 1
    assert set(factor[9:71]) == {1.0}
    for s in range(70, 100):
        assert factor[s] == pytest.approx((100 - s) / 30)
    assert [warmup_stable_decay(s, 4, 0, 0.0) for s in range(4)] == [1.0] * 4
    assert warmup_stable_decay(99, 100, 0, 1.0, floor=0.1) == pytest.approx(0.1 + 0.9 * 0.01)
    assert all(0 < warmup_stable_decay(s, n, 20, 0.5) <= 1 for n in (1, 2, 7) for s in range(n))


def test_every_parameter_has_one_optimizer():
    for tied in (True, False):
        model = build(Config(vocab_size=20, n_layer=2, n_embd=32, n_ff=64, tied=tied))
        exempt = frozenset({"model.embed_tokens.weight", "lm_head.weight"})
        named = dict(model.named_parameters())
        options = TrainOptions()
        muon, adamw = build_optimizers(named, exempt, options, width=192, dtype=torch.float32)
        theirs = [{id(p) for g in o.param_groups for p in g["params"]} for o in (muon, adamw)]
        assert theirs[0] == {id(p) for n, p in named.items() if "_proj" in n}
        assert theirs[1] == {id(p) for n, p in named.items() if "_proj" not in n}
        assert set_lr([muon, adamw], 0, 1000, options) == 1 / 20
        assert muon.param_groups[0]["lr"] == pytest.approx(0.02 / 20)
        assert adamw.param_groups[0]["lr"] == pytest.approx(0.004 / 20)
        (only,) = build_optimizers(named, exempt, TrainOptions(optimizer="adamw"), width=192, dtype=torch.float32)
        assert sum(len(g["params"]) for g in only.param_groups) == len(named)


def test_adamw_is_torchs_to_the_bit():
    torch.manual_seed(0)
    start = [torch.randn(5, 7), torch.randn(9)]
    ours, theirs = ([torch.nn.Parameter(value.clone()) for value in start] for _ in range(2))
    given = {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-10}
    pairs = [(ours, AdamW([{"params": ours, "weight_decay": 0.1}], **given)),
             (theirs, torch.optim.AdamW([{"params": theirs, "weight_decay": 0.1}], **given, fused=True))]  # fmt: skip
    for step in range(5):
        for parameters, optimizer in pairs:
            for number, parameter in enumerate(parameters):
                generator = torch.Generator().manual_seed(10 * step + number)
                parameter.grad = torch.randn(parameter.shape, generator=generator)
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    again = AdamW([{"params": ours, "weight_decay": 0.1}], **given)
    again.load_state_dict(pairs[0][1].state_dict())
    assert float(again.state[ours[0]]["step"]) == 5


def test_optimizers_do_not_need_the_compiler():
    program = (
        "import sys, torch; from aigc_cli.train.optim.build import build_optimizers; "
        "from aigc_cli.train.options import TrainOptions; "
        "ps = {'a': torch.nn.Parameter(torch.ones(4, 4)), 'b': torch.nn.Parameter(torch.ones(4))}; "
        "os = build_optimizers(ps, frozenset(), TrainOptions(), width=4, dtype=torch.float32); "
        "sum(p.sum() for p in ps.values()).backward(); [o.step() for o in os]; [o.state_dict() for o in os]; "
        "assert float(ps['b'][0]) < 1; sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
