"""UNet: shapes, the start, the condition, and what may not depend on what."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from aigc_cli.models.layers.conv import GroupNorm, PictureAttention, waves
from aigc_cli.models.unet.config import Config
from aigc_cli.models.unet.model import build


def small(**values):
    torch.manual_seed(0)
    return build(Config(**{"size": 12, "n_channel": 1, "widths": (16, 32), "n_block": 1, **values}))


@pytest.mark.parametrize(("size", "widths", "patch"), [(28, (16, 32), 2), (12, (16, 16, 16), 2), (9, (16, 24), 1)])
def test_any_size_comes_back(size, widths, patch):
    model = small(size=size, widths=widths, patch=patch, n_channel=3)
    x, t = torch.randn(2, 3, size, size), torch.rand(2)
    assert model(x, t).shape == x.shape
    assert (model(x, t) == 0).all()  # fresh: the last layer is zero


def test_time_and_class_reach_the_output():
    model = small(labels=("a", "b"))
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and (parameter == 0).all():
            torch.nn.init.normal_(parameter, std=0.2)
        assert torch.isfinite(parameter).all(), name
    x = torch.randn(1, 1, 12, 12)
    base = model(x, torch.tensor([0.5]), torch.tensor([0]))
    assert not torch.allclose(base, model(x, torch.tensor([0.6]), torch.tensor([0])))
    assert not torch.allclose(base, model(x, torch.tensor([0.5]), torch.tensor([1])))
    torch.testing.assert_close(model(x, torch.tensor([0.5])), model(x, torch.tensor([0.5]), torch.tensor([2])))


def test_pictures_of_a_batch_do_not_see_one_another():
    model = small()
    torch.nn.init.normal_(model.out.weight, std=0.2)
    x, t = torch.randn(3, 1, 12, 12), torch.rand(3)
    together = model(x, t)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], model(x[i : i + 1], t[i : i + 1]), atol=1e-5, rtol=1e-4)


def test_group_norm_is_torchs_and_attention_is_the_formula():
    torch.manual_seed(0)
    norm = GroupNorm(32)
    x = torch.randn(2, 32, 5, 5)
    torch.testing.assert_close(norm(x), F.group_norm(x, norm.groups, norm.weight, norm.bias))
    layer = PictureAttention(32, 16)
    q, k, v = layer.qkv(layer.norm(x)).flatten(2).mT.chunk(3, dim=-1)
    heads = []
    for h in (slice(0, 16), slice(16, 32)):
        heads.append(torch.softmax(q[..., h] @ k[..., h].mT / math.sqrt(16), -1) @ v[..., h])
    wanted = x + layer.out(torch.cat(heads, -1).mT.reshape(x.shape))
    torch.testing.assert_close(layer(x), wanted, atol=1e-5, rtol=1e-5)


def test_times_are_told_apart():
    t = torch.linspace(0, 1, 101)
    far = torch.cdist(waves(t, 32), waves(t, 32)) + 9 * torch.eye(101)
    assert waves(t, 32).shape == (101, 32) and float(far.min()) > 0.5


def test_bfloat16_activations_float32_output():
    model = small()
    model.compute_dtype = torch.bfloat16
    torch.nn.init.normal_(model.out.weight, std=0.2)
    x, t = torch.randn(2, 1, 12, 12), torch.rand(2)
    rough = model(x, t)
    model.compute_dtype = None
    assert rough.dtype == torch.float32 and (rough - model(x, t)).abs().max() < 0.1


@pytest.mark.parametrize(
    ("values", "said"),
    [({"size": 1}, "size"), ({"widths": ()}, "widths"), ({"widths": (16.5,)}, "widths"), ({"patch": 5}, "patch"),
     ({"prediction": "x"}, "one of"), ({"path": "x"}, "one of"), ({"labels": ("a", "a")}, "labels"),
     ({"widths": (8,) * 5}, "too small")],
)  # fmt: skip
def test_shapes_that_cannot_be(values, said):
    with pytest.raises(ValueError, match=said):
        Config(**{"size": 12, **values})
