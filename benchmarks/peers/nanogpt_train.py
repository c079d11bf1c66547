"""nanoGPT's side of bench_nanogpt.py: its model and optimizer, trained as its train.py does it on a CPU.

    python nanogpt_train.py FOLDER_OF_MODEL_PY DATA.npz '{"steps": 2000, "rate": 0.001, ...}'

The recipe (README, "I only have a macbook"; config/train_shakespeare_char.py): random crops, AdamW with betas 0.9 and
0.99 and weight decay 0.1, clipping at 1, warm-up over 100 steps, cosine to a tenth of the peak, float32, no dropout.
Unlike train.py it does not stop to estimate losses, so nothing but training counts. Prints one JSON line.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time

import numpy as np
import torch

WARMUP, LOWEST = 100, 0.1


def factor(step: int, steps: int) -> float:
    """train.py's get_lr as a factor on the peak: linear warm-up, cosine down to LOWEST."""
    if step < WARMUP:
        return step / WARMUP
    return LOWEST + (1 - LOWEST) * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / max(1, steps - WARMUP)))


def batch(ids: torch.Tensor, size: int, block: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random crops and the same, one later."""
    starts = torch.randint(len(ids) - block, (size,))
    return (torch.stack([ids[s + shift : s + shift + block] for s in starts]) for shift in (0, 1))  # type: ignore


@torch.no_grad()
def whole_loss(model: torch.nn.Module, ids: torch.Tensor, block: int) -> float:
    """Nats per character over all of `ids` in windows of `block`."""
    model.eval()
    nats, count = 0.0, 0
    for start in range(0, len(ids) - 1, block):
        inputs = ids[start : start + block][None]
        targets = ids[start + 1 : start + 1 + block][None]
        inputs = inputs[:, : targets.shape[1]]
        nats += float(model(inputs, targets)[1]) * targets.numel()
        count += targets.numel()
    model.train()
    return nats / count


def main() -> None:
    folder, data, settings = sys.argv[1:]
    sys.path.insert(0, folder)
    from model import GPT, GPTConfig  # type: ignore

    given = {"layers": 4, "heads": 4, "width": 128, "block": 64, "batch": 12, "rate": 1e-3, "dropout": 0.0, "seed": 0}
    given |= json.loads(settings)
    arrays = np.load(data)
    train, validation = (torch.from_numpy(arrays[name].astype(np.int64)) for name in ("train", "validation"))
    torch.manual_seed(given["seed"])
    block, batch_size, steps = given["block"], given["batch"], given.get("steps")
    with contextlib.redirect_stdout(sys.stderr):
        model = GPT(
            GPTConfig(
                block_size=block, vocab_size=int(arrays["vocabulary"]), n_layer=given["layers"], n_head=given["heads"],
                n_embd=given["width"], dropout=given["dropout"], bias=False,
            )
        )  # fmt: skip
        optimizer = model.configure_optimizers(0.1, given["rate"], (0.9, 0.99), "cpu")
    if steps is None:  # those that fit into `seconds`, by the time of a few
        steps = max(WARMUP, int(given["seconds"] / seconds_per_step(model, train, batch_size, block)))
    start, cpu = time.perf_counter(), time.process_time()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = given["rate"] * factor(step, steps)
        inputs, targets = batch(train, batch_size, block)
        loss = model(inputs, targets)[1]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({
        "steps": steps, "seconds": seconds, "cpu_s": cpu, "tokens_per_s": steps * batch_size * block / seconds,
        "val_nats": whole_loss(model, validation, block),
        "parameters": sum(p.numel() for p in model.parameters()),
    }))  # fmt: skip


def seconds_per_step(model: torch.nn.Module, train: torch.Tensor, batch_size: int, block: int) -> float:
    """The median of a few steps without an update."""
    times = []
    for _ in range(12):
        start = time.perf_counter()
        model(*batch(train, batch_size, block))[1].backward()
        model.zero_grad(set_to_none=True)
        times.append(time.perf_counter() - start)
    return sorted(times[2:])[5]


if __name__ == "__main__":
    main()
