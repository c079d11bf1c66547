"""Decoding speed at batch 1: our engines and transformers.generate, the same trained weights, interleaved.

    python benchmarks/bench_decode.py [--quick] [--layers N] [--width N] [--vocab N]

Trains a model on a synthetic language (a cycle of tokens with noise), so that texts do not repeat one token and
int8 is measured on a distribution that was learned. Prompt 32, 64 new tokens, greedy, prefill included. Prints
tokens/s (medians) and writes benchmarks/results/decode.json. Bars: fp32 >= 1.8x, int8 >= 4x transformers.
On a machine with other work, AIGC_THREADS=1 and the figures per CPU second are the ones to read.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from aigc_cli.compress.arch import Arch
from aigc_cli.compress.onnx_graph import fused_graph
from aigc_cli.core import console
from aigc_cli.core.device import threads
from aigc_cli.generate.engine_onnx import OnnxEngine
from aigc_cli.generate.engine_torch import TorchEngine
from aigc_cli.generate.sample import Plan, sample
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.hf import to_hf_config
from aigc_cli.models.gpt.model import GPT, build

RESULTS = Path(__file__).parent / "results" / "decode.json"
PROMPT, NEW, WORDS, NOISE = 32, 64, 128, 0.3
PEER = "transformers fp32"


def language(rng: np.random.Generator, rows: int, length: int) -> np.ndarray:
    """Each token is followed by the next of the cycle, or with probability NOISE by one of the next 8."""
    steps = np.where(rng.random((rows, length)) < NOISE, rng.integers(1, 9, (rows, length)), 1)
    return (np.cumsum(steps, axis=1) + rng.integers(0, WORDS, (rows, 1))) % WORDS


def trained(config: Config, steps: int) -> GPT:
    """A model after `steps` steps of AdamW; it says how well it learned."""
    torch.manual_seed(0)
    model, rng = build(config), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.95))
    for step in range(steps):
        ids = torch.from_numpy(language(rng, 6, 65))
        loss = torch.nn.functional.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0 or step + 1 == steps:
            console.say(f"step {step}: {loss.item():.3f} nats")
    return model.eval()


def onnx_engine(model: GPT, directory: Path, bits: int) -> OnnxEngine:
    config = to_hf_config(model.config)
    weights = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    directory.mkdir()
    onnx.save(fused_graph(Arch.from_hf(config), weights, bits), directory / "model.onnx")
    (directory / "config.json").write_text(json.dumps(config))
    return OnnxEngine(directory)


def peer(model: GPT) -> Callable[[list[int]], list[int]]:
    """transformers.generate as it comes: greedy, dynamic cache, fp32."""
    import transformers

    transformers.logging.set_verbosity_error()
    twin = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**to_hf_config(model.config))).eval()
    twin.load_state_dict(model.state_dict(), strict=False)
    twin.tie_weights()

    def run(prompt: list[int]) -> list[int]:
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            out = twin.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW, eos_token_id=None,
                pad_token_id=0,
            )  # fmt: skip
        return out[0, len(prompt) :].tolist()

    return run


def ours(engine: TorchEngine | OnnxEngine) -> Callable[[list[int]], list[int]]:
    plan = Plan(lambda ids: b"x" * len(ids), None, NEW, greedy=True)
    return lambda prompt: sample(engine, [prompt], [0], plan)[0].tokens


def distance(engine: OnnxEngine, exact: TorchEngine, ids: np.ndarray) -> dict[str, float]:
    """Mean KL(fp32 || engine) in nats and the share of equal first choices, token by token over `ids`."""
    divergences, same = [], []
    p_BV, q_BV = exact.prefill(ids[:, :1].tolist()), engine.prefill(ids[:, :1].tolist())
    for position in range(1, ids.shape[1]):
        p, q = log_softmax(p_BV), log_softmax(q_BV)
        divergences += (np.exp(p) * (p - q)).sum(axis=1).tolist()
        same += (p.argmax(axis=1) == q.argmax(axis=1)).tolist()
        p_BV, q_BV = exact.step(ids[:, position]), engine.step(ids[:, position])
    return {"kl_nats": statistics.mean(divergences), "top_1": statistics.mean(same)}


def log_softmax(logits_BV: np.ndarray) -> np.ndarray:
    shifted_BV = logits_BV.astype(np.float64) - logits_BV.max(axis=1, keepdims=True)
    return shifted_BV - np.log(np.exp(shifted_BV).sum(axis=1, keepdims=True))


def interleaved(runs: dict[str, Callable[[list[int]], list[int]]], prompt: list[int], repeats: int) -> dict:
    """Medians per engine of tokens per second and per CPU second; every repeat runs each engine once."""
    wall: dict[str, list[float]] = {name: [] for name in runs}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    texts: dict[str, list[int]] = {}
    for repeat in range(repeats + 1):  # the first warms caches and is dropped
        for name, run in runs.items():
            time.sleep(0.2)  # thread pools of the engine before go to sleep
            start, start_cpu = time.perf_counter(), time.process_time()
            texts[name] = run(prompt)
            if repeat:
                wall[name].append(NEW / (time.perf_counter() - start))
                cpu[name].append(NEW / (time.process_time() - start_cpu))
    found = {}
    for name in runs:
        best, best_cpu = statistics.median(wall[name]), statistics.median(cpu[name])
        found[name] = {
            "tokens_per_s": round(best, 1), "ratio": round(best / statistics.median(wall[PEER]), 2),
            "tokens_per_cpu_s": round(best_cpu, 1), "cpu_ratio": round(best_cpu / statistics.median(cpu[PEER]), 2),
            "same_text": texts[name] == texts[PEER], "all": [round(value, 1) for value in wall[name]],
        }  # fmt: skip
    console.say(f"{len(set(texts[PEER]))} different tokens of {NEW}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a small model, 3 repeats; writes nothing")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--vocab", type=int, default=16384)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    if given.quick:
        given.layers, given.width, given.vocab, given.repeats = 4, 256, 2048, 3
    torch.set_num_threads(threads())
    heads = given.width // 64
    config = Config(
        vocab_size=given.vocab, n_layer=given.layers, n_head=heads, n_kv_head=heads, head_dim=64,
        n_embd=given.width, n_ff=given.width * 11 // 4, context=512,
    )  # fmt: skip
    model = trained(config, 60)
    ids = language(np.random.default_rng(1), 4, 128)
    exact = TorchEngine(config, model.state_dict(), torch.device("cpu"), torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        engines = {f"onnx {name}": onnx_engine(model, Path(folder) / name, bits)
                   for name, bits in (("fp32", 32), ("int8", 8), ("int4", 4))}  # fmt: skip
    half = TorchEngine(config, model.state_dict(), torch.device("cpu"), torch.bfloat16)
    runs = {PEER: peer(model), "torch fp32": ours(exact), "torch bf16": ours(half)}
    runs |= {name: ours(engine) for name, engine in engines.items()}
    found = interleaved(runs, ids[0, :PROMPT].tolist(), given.repeats)
    for name, engine in engines.items():
        found[name] |= distance(engine, exact, ids)
    names = ("tokens_per_s", "ratio", "tokens_per_cpu_s", "cpu_ratio", "same_text", "kl_nats", "top_1")
    title = f"{config.parameters() / 1e6:.1f} M parameters, {threads()} threads"
    print(console.table(title, ["engine", *names], [[name, *map(row.get, names)] for name, row in found.items()]))
    if not given.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        result = {
            "what": "tokens/s, batch 1, greedy, 32 + 64 tokens, prefill included; medians of interleaved runs",
            "parameters": config.parameters(), "threads": threads(), "repeats": given.repeats, "engines": found,
            "cores": os.cpu_count(), "machine": platform.machine(), "torch": torch.__version__,
            "onnxruntime": onnxruntime.__version__, "load_average": os.getloadavg()[0],
        }  # fmt: skip
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
