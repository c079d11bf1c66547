"""Permuted tokens: ours and transformers' XLNetLMHeadModel of the same size, the same batches, the same wall time.

    python benchmarks/bench_xlnet.py [--quick] [--data tinyshakespeare.txt(.gz)] [--seconds S] [--seeds N]

How it is done: equal_time.py. Prints tokens/s, held-out nats and accuracy of predicted tokens (whole validation split,
the same orders, float32). Writes benchmarks/results/xlnet.json.
"""

from __future__ import annotations

from typing import Any

import torch
from equal_time import Contest, arguments, contend
from side_by_side import save
from transformers import XLNetConfig, XLNetLMHeadModel

from aigc_cli.models.xlnet.config import Shape
from aigc_cli.models.xlnet.hf import to_hf_config
from aigc_cli.train.data import IGNORE
from aigc_cli.train.tasks.options import XlnetRules


def model(config: Any, dropout: float) -> torch.nn.Module:
    return XLNetLMHeadModel(XLNetConfig(**{**to_hf_config(config), "dropout": dropout}))


def logits(peer: Any, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions that fill up a row map to nothing."""
    ids, hidden, at, targets = batch
    real = targets != IGNORE
    mapping = torch.nn.functional.one_hot(at, ids.shape[1]).float() * real[..., None]
    out = peer(ids, perm_mask=hidden.float(), target_mapping=mapping, use_mems=False).logits
    return out[real], targets[real]


def main() -> None:
    given = arguments(__doc__)
    shape = Shape(depth=4, n_embd=192, n_head=6)
    found = contend(Contest("xlnet", shape, XlnetRules(), model, logits, "val/token_accuracy"), given)
    if not given.quick:
        save("xlnet", found)


if __name__ == "__main__":
    main()
