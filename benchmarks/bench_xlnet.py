"""Permuted tokens: ours and transformers' XLNetLMHeadModel of the same size, the same batches, the same wall time.

    python benchmarks/bench_xlnet.py [--quick] [--data tinyshakespeare.txt(.gz)] [--seconds S] [--seeds N]

How it is done: equal_time.py. Prints tokens/s, held-out nats and accuracy of predicted tokens (whole validation split,
the same orders, float32). Then logistic regression on the mean of our content stream over a sentence, beside TF-IDF
with logistic regression (downstream.py): what the features are worth as they are. Writes benchmarks/results/xlnet.json.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from downstream import STYLE, judged, reviews, write
from equal_time import Contest, Ours, arguments, contend
from side_by_side import save
from transformers import XLNetConfig, XLNetLMHeadModel

from aigc_cli.models.xlnet.config import Shape
from aigc_cli.models.xlnet.hf import to_hf_config
from aigc_cli.train.data import IGNORE
from aigc_cli.train.tasks.options import XlnetRules
from aigc_cli.train.tokens import Tokens


def model(config: Any, dropout: float) -> torch.nn.Module:
    return XLNetLMHeadModel(XLNetConfig(**{**to_hf_config(config), "dropout": dropout}))


def logits(peer: Any, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions that fill up a row map to nothing."""
    ids, hidden, at, targets = batch
    real = targets != IGNORE
    mapping = torch.nn.functional.one_hot(at, ids.shape[1]).float() * real[..., None]
    out = peer(ids, perm_mask=hidden.float(), target_mapping=mapping, use_mems=False).logits
    return out[real], targets[real]


@torch.no_grad()
def features(of: Ours, tokens: Tokens, texts: list[str]) -> np.ndarray:
    """The mean over a text's tokens of the middle and of the last block, [N, 2 C]."""
    assert tokens.tokenizer is not None
    network = of.work.model.eval()
    caught: list[torch.Tensor] = []
    middle = network.transformer.layer[len(network.transformer.layer) // 2 - 1]
    handle = middle.ff.register_forward_hook(lambda module, inputs, output: caught.append(output))
    rows = []
    for text in texts:
        ids = torch.tensor([tokens.tokenizer.encode(text)[: tokens.length] or [0]])
        last = network.streams(ids)[0]
        rows.append(torch.cat([caught.pop()[0].float().mean(0), last[0].float().mean(0)]).numpy())
    handle.remove()
    return np.stack(rows)


def downstream(ours: Ours, folder: Path, tokens: Tokens, seeds: int) -> dict[str, Any]:
    """Accuracy on features of our trained model, of a fresh one, and of TF-IDF."""
    if not STYLE.is_dir():
        return {}
    fresh = Ours(ours.contest, tokens, 0)
    found: dict[str, list[float]] = {"ours": [], "fresh": [], "tf-idf": []}
    for seed in range(seeds):
        parts = reviews(seed)
        for name, side in (("ours", ours), ("fresh", fresh)):
            arrays = {part: features(side, tokens, [row["text"] for row in rows]) for part, rows in parts.items()}
            labels = {f"{part}_labels": np.array([row["label"] for row in rows]) for part, rows in parts.items()}
            np.savez(folder / "features.npz", **arrays, **labels)
            found[name].append(judged("probe_classify.py", folder / "features.npz"))
        found["tf-idf"].append(judged("tfidf_classify.py", write(parts, folder / f"reviews-{seed}")))
    mean = {name: round(statistics.mean(values), 2) for name, values in found.items()}
    print(f"accuracy of review sentences: {mean}")
    return {"downstream": {"data": "reviews", "accuracy": found, "mean": mean}}


def main() -> None:
    given = arguments(__doc__)
    shape = Shape(depth=4, n_embd=192, n_head=6)
    contest = Contest("xlnet", shape, XlnetRules(), model, logits, "val/token_accuracy")
    seeds = 1 if given.quick else 3
    found = contend(contest, given, lambda ours, folder, tokens: downstream(ours, folder, tokens, seeds))
    if not given.quick:
        save("xlnet", found)


if __name__ == "__main__":
    main()
