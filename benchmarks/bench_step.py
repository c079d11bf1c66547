"""Tokens per second of the training step, beside transformers' and nanoGPT's models of the same shape.

    python benchmarks/bench_step.py [--quick] [--nanogpt DIR] [--shapes 128x4 ...] [--threads 1 2] [--rounds N]

Every side makes the same number of steps on batches of the same size, in turns, in one process: forward, backward,
clipping, optimizer. Ours is `aigc train gpt` as it is (Muon, and with AdamW alone for the model's own cost); the peers
have torch's AdamW: transformers' Qwen3ForCausalLM in float32 and under bfloat16 autocast, nanoGPT's GPT in its own
float32. Ratios of CPU time with one thread, of wall time with more. Writes benchmarks/results/step.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from side_by_side import HERE, save

from aigc_cli.core.device import resolve
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.hf import to_hf_config
from aigc_cli.models.gpt.model import build
from aigc_cli.train.data import TokenData, TokenStream
from aigc_cli.train.objectives.lm import CausalLM
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.stepper import Stepper

# name: layers, width, heads, context, batch
SHAPES = {
    "4x128 block 64 batch 12": (4, 128, 4, 64, 12),
    "4x192 context 256 batch 4": (4, 192, 6, 256, 4),
    "4x192 context 256 batch 8": (4, 192, 6, 256, 8),
    "6x384 context 256 batch 4": (6, 384, 6, 256, 4),
}
QUICK = list(SHAPES)[:1]
VOCABULARY, WARM_STEPS, ROUND_S = 65, 3, 0.5

Step = Callable[[], Any]


def data_of(context: int, batch: int) -> TokenData:
    """Random tokens: a step's cost does not depend on them."""
    ids = np.random.default_rng(0).integers(0, VOCABULARY, 200_000).astype(np.uint16)
    return TokenData(TokenStream([ids]), context=context, batch_size=batch)


def ours(config: Config, data: TokenData, optimizer: str) -> Step:
    """One call of our training loop's step, as `aigc train gpt` makes it."""
    device, dtype = resolve("cpu", "auto")
    torch.manual_seed(0)
    model = build(config)
    model.compute_dtype = None if dtype == torch.float32 else dtype
    options = TrainOptions(steps=1, optimizer=optimizer)  # type: ignore[arg-type]
    stepper = Stepper(CausalLM(model), data, options, device=device, dtype=dtype, seed=0, width=config.n_embd)
    count = iter(range(1 << 40))
    return lambda: float(stepper.step(next(count), 1 << 40)["gpt/loss"])


def plain(model: torch.nn.Module, optimizer: Any, data: TokenData, loss: Callable[..., torch.Tensor]) -> Step:
    """The usual loop around a model: forward, backward, clip, step."""
    count = iter(range(1 << 40))

    def step() -> float:
        (inputs, targets), _ = data.batch(next(count), 0)
        value = loss(inputs, targets.contiguous())
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(value)

    return step


def transformers_step(config: Config, data: TokenData, autocast: bool) -> Step:
    """Qwen3ForCausalLM with torch's AdamW."""
    import transformers

    torch.manual_seed(0)
    model = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**to_hf_config(config)))

    def loss(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = model(input_ids=inputs, use_cache=False).logits
        return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    return plain(model, torch.optim.AdamW(model.parameters(), lr=1e-3), data, loss)


def nanogpt_step(folder: Path, shape: tuple[int, int, int, int, int], data: TokenData) -> Step:
    """nanoGPT's GPT with its own choice of optimizer."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", folder / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    layers, width, heads, context, _ = shape
    torch.manual_seed(0)
    model = module.GPT(
        module.GPTConfig(
            block_size=context, vocab_size=VOCABULARY, n_layer=layers, n_head=heads, n_embd=width, bias=False
        )
    )
    optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.99), "cpu")
    return plain(model, optimizer, data, lambda inputs, targets: model(inputs, targets)[1])


def sides_of(shape: tuple[int, int, int, int, int], nanogpt: Path | None) -> dict[str, Step]:
    """{name: step} of every side."""
    layers, width, heads, context, batch = shape
    config = Config.from_depth(
        layers, VOCABULARY, context, n_embd=width, n_head=heads, n_kv_head=heads, head_dim=width // heads
    )
    data = data_of(context, batch)
    sides = {
        "ours": ours(config, data, "muon"), "ours adamw": ours(config, data, "adamw"),
        "transformers": transformers_step(config, data, False),
        "transformers autocast": transformers_step(config, data, True),
    }  # fmt: skip
    if nanogpt is not None:
        sides["nanogpt"] = nanogpt_step(nanogpt, shape, data)
    return sides


def race(sides: dict[str, Step], rounds: int, threads: int) -> dict[str, list[float]]:
    """Seconds per step of every side in every round: of CPU with one thread, of the clock with more."""
    clock = time.process_time if threads == 1 else time.perf_counter
    torch.set_num_threads(threads)
    repeats = {}
    for name, step in sides.items():
        start = clock()
        for _ in range(WARM_STEPS):
            step()
        repeats[name] = max(1, round(ROUND_S * WARM_STEPS / max(clock() - start, 1e-9)))
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, step in sides.items():
            start = clock()
            for _ in range(repeats[name]):
                step()
            seconds[name].append((clock() - start) / repeats[name])
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smallest shape, one thread, 3 rounds; writes nothing")
    parser.add_argument("--nanogpt", type=Path, default=HERE / ".envs/nanoGPT", help="folder of nanoGPT's model.py")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    nanogpt = given.nanogpt if (given.nanogpt / "model.py").is_file() else None
    if nanogpt is None:
        print(f"there is no {given.nanogpt}/model.py: without nanoGPT (see github.com/karpathy/nanoGPT)")
    results: list[dict[str, Any]] = []
    for name in QUICK if given.quick else given.shapes:
        sides, tokens = sides_of(SHAPES[name], nanogpt), SHAPES[name][3] * SHAPES[name][4]
        for threads in [1] if given.quick else given.threads:
            seconds = race(sides, 3 if given.quick else given.rounds, threads)
            own = seconds["ours"]
            row = {
                "shape": name, "threads": threads, "seconds": "cpu" if threads == 1 else "wall",
                "tokens_per_s": {side: round(tokens / statistics.median(s)) for side, s in seconds.items()},
                "ours_is_faster_by": {
                    side: round(statistics.median(t / o for t, o in zip(s, own, strict=True)), 3)
                    for side, s in seconds.items() if side != "ours"
                },
            }  # fmt: skip
            print(f"{name}, {threads} threads: {row['tokens_per_s']} ratio {row['ours_is_faster_by']}", flush=True)
            results.append(row)
    if not given.quick:
        save("step", {"rounds": given.rounds, "torch": torch.__version__, "results": results})


if __name__ == "__main__":
    main()
