"""`explain classify`: which label a text classifier gives, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import ConfigError
from aigc_cli.explain.maps import tokenizer_of
from aigc_cli.models.bundle import Bundle
from aigc_cli.train.objectives.classes import FRAME, framed

TOGETHER = 32


class TextClassifier:
    """A trained classifier, ready to read texts. `labels` are the names, in the order of the probabilities."""

    def __init__(self, model: str | Path) -> None:
        self.bundle = Bundle.open(model).require("classify", "telling labels")
        self.labels: tuple[str, ...] = self.bundle.config.labels
        if not self.labels:
            raise ConfigError(
                f"{self.bundle.path} is no classifier",
                f"make one: aigc train bert --task classify --init-from {self.bundle.path} --shards FILE",
            )
        self.tokenizer = tokenizer_of(self.bundle)
        self.model: Any = self.bundle.model()

    @torch.inference_mode()
    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """[texts, labels], float32; rows sum to 1. Of a long text the beginning is read."""
        room = self.bundle.config.context - FRAME
        ids = [np.array(row[:room], np.int64) for row in self.tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        found = np.zeros((len(ids), len(self.labels)), np.float32)
        for begin in range(0, len(order), TOGETHER):
            rows = order[begin : begin + TOGETHER]
            found[rows] = self.model(*framed([ids[row] for row in rows], self.tokenizer)).softmax(-1).numpy()
        return found


def classify(model: str | Path, texts: Iterable[str]) -> Result:
    """manifest: {"texts": [{"text", "label", "probabilities": {label: p}}]}."""
    classifier, texts = TextClassifier(model), list(texts)
    console.detail(classifier.bundle.describe())
    rows = []
    for text, shares in zip(texts, classifier.probabilities(texts), strict=True):
        order = np.argsort(-shares, kind="stable")
        named = {classifier.labels[i]: round(float(shares[i]), 6) for i in order}
        rows.append({"text": text, "label": classifier.labels[order[0]], "probabilities": named})
    shown = [[row["text"][:60], row["label"], max(row["probabilities"].values())] for row in rows]
    return Result("classify", None, {"texts": rows}, [console.table("labels", ["text", "label", "probability"], shown)])
