"""Masked words: ours and transformers' BertForPreTraining of the same size, the same batches, the same wall time.

    python benchmarks/bench_bert.py [--quick] [--data tinyshakespeare.txt(.gz)] [--seconds S] [--seeds N]

How it is done: equal_time.py. Prints tokens/s, held-out nats and accuracy of masked tokens (whole validation split, the
same masks, float32). Then a classifier of review sentences (../shared/data/style) from our model, beside TF-IDF with
logistic regression, on three splits. Writes benchmarks/results/bert.json.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch
from equal_time import Contest, Ours, arguments, contend
from side_by_side import DATA, HERE, python_of, save
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

YELP = DATA / "style"


def model(config: Any, dropout: float) -> torch.nn.Module:
    rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    return BertForPreTraining(BertConfig(**{**to_hf_config(config), **rates}))


def logits(peer: Any, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
    ids, mask, _, targets, _ = batch
    chosen = targets != IGNORE
    return peer(ids, attention_mask=mask).prediction_logits[chosen], targets[chosen]


def downstream(ours: Ours, folder: Path, tokens: Tokens, seeds: int, epochs: float) -> dict[str, Any]:
    """Accuracy of review sentences: our pretrained model, a fresh one, and TF-IDF with logistic regression."""
    files = [YELP / f"yelp.dev.{label}.txt" for label in (0, 1)]
    if not all(file.is_file() for file in files):
        return {}
    rows = [
        {"text": line, "label": ("bad", "good")[label]}
        for label, file in enumerate(files) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()
    ]  # fmt: skip
    save_bundle(
        folder / "bert", "bert", ours.config, ours.work.model.state_dict(), tokens.tokenizer, ""
    )  # fmt: skip
    found: dict[str, list[float]] = {"ours pretrained": [], "ours fresh": [], "tf-idf": []}
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(rows))
        parts = {"valid": order[: len(rows) // 5], "train": order[len(rows) // 5 :]}
        data = folder / f"reviews-{seed}"
        data.mkdir()
        for name, chosen in parts.items():
            lines = (json.dumps(rows[int(i)]) + "\n" for i in chosen)
            (data / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        for name, start in (("ours pretrained", folder / "bert"), ("ours fresh", None)):
            options = TrainOptions(epochs=epochs, init_from=start, evals=0, muon_lr=0.01, lr=0.001)
            shape = None if start else Shape(depth=2, n_embd=128)
            result = train(
                "bert", [data], shape, options, Common(output=folder / f"judge-{seed}-{start is None}", seed=seed),
                BertRules(task="classify"),
            )  # fmt: skip
            found[name].append(result.manifest["facts"]["final"]["val/accuracy"])
        answer = subprocess.run(
            [python_of("sklearn"), str(HERE / "peers/tfidf_classify.py"), str(data)], check=True, stdout=subprocess.PIPE
        )
        found["tf-idf"].append(100 * json.loads(answer.stdout)["accuracy"])
        print({name: round(values[-1], 2) for name, values in found.items()}, flush=True)
    mean = {name: round(statistics.mean(values), 2) for name, values in found.items()}
    print(f"accuracy of review sentences: {mean}")
    return {"downstream": {"data": "yelp dev sentences", "accuracy": found, "mean": mean}}


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
