"""Masked words: ours and transformers' BertForPreTraining of the same size, the same batches, the same wall time.

    python benchmarks/bench_bert.py [--quick] [--data tinyshakespeare.txt(.gz)] [--seconds S] [--seeds N]

How it is done: equal_time.py. Prints tokens/s, held-out nats and accuracy of masked tokens (whole validation split, the
same masks, float32). Then classifiers from our model, beside TF-IDF with logistic regression (downstream.py): review
sentences on three splits, lines of Shakespeare or modern English on the split that they come in. Writes
benchmarks/results/bert.json.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import torch
from downstream import STYLE, judged, reviews, shakespeare, write
from equal_time import Contest, Ours, arguments, contend
from side_by_side import save
from transformers import BertConfig, BertForPreTraining

from aigc_cli.core.options import Common
from aigc_cli.models.bert.config import Shape
from aigc_cli.models.bert.hf import to_hf_config
from aigc_cli.models.bundle import save_bundle
from aigc_cli.train.api import train
from aigc_cli.train.data import IGNORE
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.tasks.options import BertRules
from aigc_cli.train.tokens import Tokens


def model(config: Any, dropout: float) -> torch.nn.Module:
    rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    return BertForPreTraining(BertConfig(**{**to_hf_config(config), **rates}))


def logits(peer: Any, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
    ids, mask, _, targets, _ = batch
    chosen = targets != IGNORE
    return peer(ids, attention_mask=mask).prediction_logits[chosen], targets[chosen]


def downstream(ours: Ours, folder: Path, tokens: Tokens, seeds: int, epochs: float) -> dict[str, Any]:
    """Accuracy of a classifier from our pretrained model, of a fresh one, of TF-IDF with logistic regression."""
    if not STYLE.is_dir():
        return {}
    save_bundle(folder / "bert", "bert", ours.config, ours.work.model.state_dict(), tokens.tokenizer, "")
    found: dict[str, Any] = {}
    for name, parts, count, passes in (
        ("reviews", reviews, seeds, epochs),
        ("shakespeare", shakespeare, 1, epochs / 2),
    ):
        runs: dict[str, list[float]] = {"ours pretrained": [], "ours fresh": [], "tf-idf": []}
        for seed in range(count):
            data = write(parts(seed), folder / f"{name}-{seed}")
            for side, start in (("ours pretrained", folder / "bert"), ("ours fresh", None)):
                options = TrainOptions(epochs=passes, init_from=start, evals=0, muon_lr=0.01, lr=0.001)
                shape = None if start else Shape(depth=2, n_embd=128)
                common = Common(output=folder / f"judge-{name}-{seed}-{start is None}", seed=seed)
                result = train("bert", [data], shape, options, common, BertRules(task="classify"))
                runs[side].append(result.manifest["facts"]["final"]["val/accuracy"])
            runs["tf-idf"].append(judged("tfidf_classify.py", data))
            print(name, {side: round(values[-1], 2) for side, values in runs.items()}, flush=True)
        found[name] = {"accuracy": runs, "mean": {s: round(statistics.mean(v), 2) for s, v in runs.items()}}
    print({name: each["mean"] for name, each in found.items()})
    return {"downstream": found}


def main() -> None:
    given = arguments(__doc__)
    shape = Shape(depth=4, n_embd=192, n_head=6)
    contest = Contest("bert", shape, BertRules(), model, logits, "val/masked_accuracy")
    seeds, epochs = (1, 1.0) if given.quick else (3, 4.0)
    found = contend(contest, given, lambda ours, folder, tokens: downstream(ours, folder, tokens, seeds, epochs))
    if not given.quick:
        save("bert", found)


if __name__ == "__main__":
    main()
