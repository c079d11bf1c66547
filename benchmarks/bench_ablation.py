"""What each choice of `train gpt` is worth: the model as it is, and with one choice at a time made the usual way.

    python benchmarks/bench_ablation.py [--quick] [--data FILE] [--steps N] [--seeds N] [--only NAME ...]

Characters of tinyshakespeare; the last tenth of its training part is held out (whole, in float32), its test part is
not touched. 4 layers of 128, context 128, 1024 tokens a step. Every variant is trained for the same steps; one that is
faster a step is trained once more for as many steps as fit into the time of the model as it is. AdamW gets the best of
its three rates. Seconds of a step are taken in turns, on one thread; losses do not depend on them, so that as many
runs go side by side as there are cores. Prints the table of docs/train.md and writes results/ablation.json.
"""

from __future__ import annotations

import argparse
import gzip
import math
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from side_by_side import DATA, machine, save
from torch import nn
from torch.nn import functional as F

from aigc_cli.core import console
from aigc_cli.core.device import resolve
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import GPT, build
from aigc_cli.models.layers.linear import Linear
from aigc_cli.models.layers.norm import LayerNorm
from aigc_cli.train import stepper as stepper_module
from aigc_cli.train.data import TokenData, TokenStream
from aigc_cli.train.objectives.lm import CausalLM
from aigc_cli.train.optim.build import set_lr
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.stepper import Stepper

LAYERS, WIDTH, CONTEXT, BATCH = 4, 128, 128, 8
FASTER = 0.97  # of the time of a step: below it a second run at equal time is made
TIMED, WARM = 9, 2  # steps


class Gelu(nn.Module):
    """down(gelu(up(x))) with as many parameters as the SwiGLU it replaces."""

    def __init__(self, width: int, n_ff: int) -> None:
        super().__init__()
        self.up_proj, self.down_proj = Linear(width, n_ff * 3 // 2), Linear(n_ff * 3 // 2, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(F.gelu(self.up_proj(x)))


class Placed(nn.Module):
    """An embedding with learned positions added."""

    def __init__(self, embedding: nn.Embedding, context: int) -> None:
        super().__init__()
        self.embedding, self.weight = embedding, embedding.weight
        self.places = nn.Parameter(torch.randn(context, embedding.embedding_dim) * 0.1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.embedding(ids) + self.places[: ids.shape[1]]


def gelu(model: GPT) -> None:
    for block in model.model.layers:
        block.mlp = Gelu(model.config.n_embd, model.config.n_ff)
        nn.init.normal_(block.mlp.up_proj.weight, std=model.config.n_embd**-0.5)
        nn.init.zeros_(block.mlp.down_proj.weight)


def no_query_key_norm(model: GPT) -> None:
    for block in model.model.layers:
        block.self_attn.q_norm = block.self_attn.k_norm = nn.Identity()


def learned_positions(model: GPT) -> None:
    size, dim = model.config.context, model.config.head_dim
    model._rope = (torch.ones(size, dim), torch.zeros(size, dim))  # no rotation
    model.model.embed_tokens = Placed(model.model.embed_tokens, size)


def layer_norm(model: GPT) -> None:
    for block in model.model.layers:
        block.input_layernorm = LayerNorm(model.config.n_embd, 1e-5)
        block.post_attention_layernorm = LayerNorm(model.config.n_embd, 1e-5)
    model.model.norm = LayerNorm(model.config.n_embd, 1e-5)


def gpt2_start(model: GPT) -> None:
    """Radford et al. 2019: deviation 0.02, of projections into the residual stream 0.02 / sqrt(2 layers)."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            into = name.endswith(("o_proj.weight", "down_proj.weight"))
            nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * model.config.n_layer) if into else 0.02)


def cosine(step: int, steps: int, warmup: int, decay: float, floor: float = 0.0) -> float:
    """Warm-up and half a cosine."""
    return min(1.0, (step + 1) / warmup) * (0.5 + 0.5 * math.cos(math.pi * step / steps))


@dataclass
class Variant:
    """One choice made another way."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    patch: Callable[[GPT], None] | None = None
    iterations: int = 5
    cosine: bool = False
    dtype: str = "auto"


AS_IT_IS = "as it is"
VARIANTS = {
    v.name: v
    for v in (
        Variant(AS_IT_IS),
        Variant("AdamW, rate 0.001", {"optimizer": "adamw", "lr": 0.001}),
        Variant("AdamW, rate 0.003", {"optimizer": "adamw", "lr": 0.003}),
        Variant("AdamW, rate 0.008", {"optimizer": "adamw", "lr": 0.008}),
        Variant("Muon with 3 iterations", iterations=3),
        Variant("no query-key norm", patch=no_query_key_norm),
        Variant("GELU, same parameters", patch=gelu),
        Variant("learned positions", patch=learned_positions),
        Variant("LayerNorm", patch=layer_norm),
        Variant("GPT-2's start", patch=gpt2_start),
        Variant("cosine schedule", cosine=True),
        Variant("falling over the last fifth", {"decay": 0.2}),
        Variant("falling all the time", {"decay": 1.0}),
        Variant("head tied to the embedding", config={"tied": True}),
        Variant("no weight decay", {"weight_decay": 0.0}),
        Variant("no clipping", {"clip": 0.0}),
        Variant("Muon's rate 0.01", {"muon_lr": 0.01}),
        Variant("Muon's rate 0.03", {"muon_lr": 0.03}),
        Variant("float32", dtype="float32"),
    )
}


def arrays(file: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Training part, its held-out tenth, and the number of different characters."""
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    alphabet, ids = np.unique(np.frombuffer(raw.decode().encode("utf-32-le"), np.uint32), return_inverse=True)
    ids = ids[: int(0.9 * len(ids))].astype(np.uint16)
    cut = int(0.9 * len(ids))
    return ids[:cut], ids[cut:], len(alphabet)


class Run:
    """A variant in training."""

    def __init__(self, variant: Variant, file: Path, seed: int) -> None:
        train, held, vocabulary = arrays(file)
        device, dtype = resolve("cpu", variant.dtype)
        torch.manual_seed(seed)
        config = Config.from_depth(LAYERS, vocabulary, CONTEXT, n_embd=WIDTH, **{"tied": False, **variant.config})
        model = build(config)
        model.compute_dtype = None if dtype == torch.float32 else dtype
        if variant.patch is not None:
            variant.patch(model)
        self.variant = variant
        self.objective = CausalLM(model, validation=TokenStream([held]), context=CONTEXT, batch_size=BATCH)
        self.stepper = Stepper(
            self.objective, TokenData(TokenStream([train]), context=CONTEXT, batch_size=BATCH, seed=seed),
            TrainOptions(steps=1, **variant.options), device=device, dtype=dtype, seed=seed, width=WIDTH,
        )  # fmt: skip
        for optimizer in (o for each in self.stepper.optimizers.values() for o in each):
            for group in optimizer.param_groups:
                group.update({"iterations": variant.iterations} if "iterations" in group else {})

    def step(self, step: int, steps: int) -> None:
        stepper_module.set_lr = self._set_cosine if self.variant.cosine else set_lr
        float(self.stepper.step(step, steps)["gpt/loss"])

    @staticmethod
    def _set_cosine(optimizers: list[torch.optim.Optimizer], step: int, steps: int, options: TrainOptions) -> None:
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * cosine(step, steps, options.warmup, options.decay)


def seconds(names: list[str], file: Path) -> dict[str, float]:
    """Median CPU seconds of a step of each variant on one thread, in turns."""
    runs = {name: Run(VARIANTS[name], file, 0) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for step in range(WARM + TIMED):
        for name, run in runs.items():
            start = time.process_time()
            run.step(step, 1 << 40)
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values[WARM:]) for name, values in times.items()}


def trained(task: tuple[str, Path, int, int]) -> dict[str, Any]:
    """The held-out loss of one run."""
    name, file, seed, steps = task
    torch.set_num_threads(1)
    run = Run(VARIANTS[name], file, seed)
    for step in range(steps):
        run.step(step, steps)
    nats = round(run.objective.validate(True)["val/loss_nats"], 4)
    print(name, seed, steps, nats, flush=True)
    return {"variant": name, "seed": seed, "steps": steps, "nats": nats}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5 steps, one seed; writes nothing")
    parser.add_argument("--data", type=Path, default=DATA / "text/tinyshakespeare.txt.gz")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    given = parser.parse_args()
    if not given.data.is_file():
        raise SystemExit(f"there is no {given.data}; give the text with --data FILE")
    seeds, steps = (1, 5) if given.quick else (given.seeds, given.steps)
    names = list(dict.fromkeys([AS_IT_IS, *given.only]))
    os.environ["AIGC_THREADS"] = "1"  # of each process: there are as many as cores
    torch.set_num_threads(1)
    step_s = seconds(names, given.data)
    relative = {name: step_s[name] / step_s[AS_IT_IS] for name in names}
    longer = {name: round(steps / r) for name, r in relative.items() if r < FASTER}
    tasks = [(name, given.data, seed, steps) for seed in range(seeds) for name in names]
    tasks += [(name, given.data, seed, count) for seed in range(seeds) for name, count in longer.items()]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(trained, tasks))

    def median(name: str, count: int | None) -> float | None:
        values = [r["nats"] for r in runs if r["variant"] == name and r["steps"] == count]
        return statistics.median(values) if values else None

    base = median(AS_IT_IS, steps)
    spread = [r["nats"] for r in runs if r["variant"] == AS_IT_IS]
    table = {}
    for name in names:
        equal, timely = median(name, steps), median(name, longer.get(name))
        worse = [
            r["nats"] - b["nats"] for r in runs for b in runs
            if r["variant"] == name and b["variant"] == AS_IT_IS and r["seed"] == b["seed"] and r["steps"] == steps
        ]  # fmt: skip
        table[name] = {
            "nats": equal, "worse_by": round(statistics.median(worse), 4), "least": round(min(worse), 4),
            "most": round(max(worse), 4), "time_of_a_step": round(relative[name], 3),
            "worse_by_at_equal_time": None if timely is None else round(timely - base, 4),
        }  # fmt: skip
    rows = [[name, *("" if v is None else v for v in row.values())] for name, row in table.items()]
    print(console.table(f"{steps} steps, medians of {seeds} seeds", ["variant", *next(iter(table.values()))], rows))
    if not given.quick:
        save("ablation", {
            "data": given.data.name, "layers": LAYERS, "width": WIDTH, "context": CONTEXT, "batch": BATCH,
            "steps": steps, "seeds": seeds, "spread_of_seeds": round(max(spread) - min(spread), 4),
            "after": machine(), "table": table, "runs": runs,
        })  # fmt: skip


if __name__ == "__main__":
    main()
