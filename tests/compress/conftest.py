"""A tiny GPT on disk, in several shapes."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from aigc_cli.models.bundle import save_bundle
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import GPT

TINY = Config(vocab_size=96, n_layer=3, n_head=4, n_kv_head=2, head_dim=16, n_embd=64, n_ff=96, context=48)


def random_gpt(config: Config, seed: int = 0) -> GPT:
    """A GPT with all parameters random, norms included, so that none is a neutral element."""
    torch.manual_seed(seed)
    model = GPT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if parameter.ndim == 1 else 0.15 * noise)
    return model.eval()


@pytest.fixture
def make_bundle(tmp_path):
    """make_bundle(name, **fields) -> (directory, model)."""

    def make(name="model", **fields):
        config = dataclasses.replace(TINY, **fields)
        model = random_gpt(config)
        save_bundle(tmp_path / name, "gpt", config, model.state_dict(), None, "# test\n")
        return tmp_path / name, model

    return make
