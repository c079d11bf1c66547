"""A tiny random GPT with a real tokenizer, as a Bundle, as engines and as its Hugging Face twin."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest
import torch

from aigc_cli.compress.arch import Arch
from aigc_cli.compress.onnx_graph import fused_graph
from aigc_cli.compress.onnx_plain import plain_graph
from aigc_cli.generate.engine_onnx import OnnxEngine
from aigc_cli.generate.engine_torch import TorchEngine
from aigc_cli.models.bundle import save_bundle
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.hf import to_hf_config
from aigc_cli.models.gpt.model import GPT
from aigc_cli.tokenize.vocabulary import train_tokenizer

os.environ.setdefault("AIGC_THREADS", "1")  # tiny models; more threads would only wait for one another
SHAPE = {"n_layer": 2, "n_head": 4, "n_kv_head": 2, "head_dim": 16, "n_embd": 32, "n_ff": 48, "context": 40}
TEXT = "the cat sat on the mat, 猫坐在垫子上。\n\tthe dog did not. über naïve\n"


def random_gpt(seed: int = 0, **fields) -> GPT:
    """A GPT with all parameters random, so sharp that near-ties of logits are rare."""
    generator = torch.Generator().manual_seed(seed)
    model = GPT(Config(**{"vocab_size": 60, **SHAPE, **fields}))
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.3 * noise if parameter.ndim == 1 else 0.4 * noise)
    return model.eval()


def torch_engine(model: GPT) -> TorchEngine:
    return TorchEngine(model.config, model.state_dict(), torch.device("cpu"), torch.float32)


def write_onnx(model: GPT, directory, layout: str = "fused") -> None:
    import onnx

    config = to_hf_config(model.config)
    graph = {"fused": fused_graph, "plain": plain_graph}[layout]
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(graph(Arch.from_hf(config), weights), directory / "model.onnx")
    (directory / "config.json").write_text(json.dumps(config))


def onnx_engine(model: GPT, directory, layout: str = "fused") -> OnnxEngine:
    write_onnx(model, directory, layout)
    return OnnxEngine(directory)


@pytest.fixture(scope="session")
def tokenizer():
    return train_tokenizer([TEXT * 20], kind="char")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory, tokenizer):
    """(directory of a Bundle with tokenizer, its model)."""
    directory = tmp_path_factory.mktemp("models") / "gpt"
    model = random_gpt(vocab_size=tokenizer.vocab_size)
    save_bundle(directory, "gpt", model.config, model.state_dict(), tokenizer, "# tiny\n")
    return directory, model


@pytest.fixture(scope="session")
def onnx_bundle(tmp_path_factory, bundle, tokenizer):
    """The same model as an ONNX directory."""
    directory = tmp_path_factory.mktemp("models") / "onnx"
    write_onnx(bundle[1], directory)
    tokenizer.save(directory)
    return directory


@pytest.fixture(scope="session")
def tiny():
    """tiny.random_gpt(seed, **fields), tiny.torch_engine(model), tiny.onnx_engine(model, directory, layout)."""
    return SimpleNamespace(random_gpt=random_gpt, torch_engine=torch_engine, onnx_engine=onnx_engine)
