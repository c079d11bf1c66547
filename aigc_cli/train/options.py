"""Options of training: budget, batch, optimizer, reporting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import opt

BUDGETS = ("steps", "tokens", "epochs", "minutes")
DEFAULT_MINUTES = 2.5  # what is trained when no budget is given: a first model while one waits ...
DEFAULT_EPOCHS = 16.0  # ... but small data not so often that it is learned by heart
# (Source: Muennighoff et al. 2023, "Scaling Data-Constrained Language Models": worth little after 16 epochs.)


@dataclass
class TrainOptions:
    """Training."""

    init_from: Path | None = opt(
        None, "Begin with this model's weights: run directory, .pt file or Hugging Face directory of the same family.",
        affects_output=False,
    )  # fmt: skip
    steps: int | None = opt(None, "Budget: optimizer steps.", min=1)
    tokens: int | None = opt(None, "Budget: training tokens.", min=1)
    epochs: float | None = opt(None, "Budget: passes over the training split.", min=0)
    minutes: float | None = opt(None, "Budget: wall time on this machine; becomes steps once measured.", min=0)
    batch_size: int | None = opt(None, "Sequences per forward pass; default by device.", min=1)
    accumulate: int = opt(1, "Forward passes per optimizer step.", min=1)
    optimizer: Literal["muon", "adamw"] = opt("muon", "For hidden matrices; the rest always has AdamW.")
    muon_lr: float = opt(0.02, "Peak learning rate of Muon.", min=0)
    lr: float | None = opt(None, "Peak learning rate of AdamW; default 0.004 at width 192, ~ width^-1/2.", min=0)
    weight_decay: float = opt(0.05, "Decoupled weight decay of matrices.", min=0)
    warmup: int = opt(20, "Steps of rising learning rate.", min=0)
    decay: float = opt(0.5, "Last part of the run over which the learning rate falls to zero.", min=0, max=1)
    clip: float = opt(1.0, "Largest gradient norm; 0: never clip.", min=0)
    ema: float = opt(
        0.0, "Judge and publish a running mean of the weights with this decay, e.g. 0.999; 0: the weights.",
        min=0, max=0.999999,
    )  # fmt: skip
    device: str = opt("auto", "auto, cpu, cuda, cuda:1, mps.")
    dtype: str = opt("auto", "Of activations: auto, float32, bfloat16.")
    compile: Literal["auto", "on", "off"] = opt(
        "auto", "torch.compile; auto: when the run is long enough to pay for it."
    )
    evals: int = opt(8, "Validations during the run.", min=0)
    eval_tokens: int = opt(16_384, "Validation tokens read by each; the last reads all.", unit="tokens", min=1)
    sample_tokens: int = opt(64, "Length of the samples at each validation.", unit="tokens", min=0)
    prompts: list[str] = opt([], "Prompts of the samples; default: openings of validation text.", recipe_only=True)
    log_every: int = opt(10, "Steps between lines of metrics.jsonl.", min=1)
    checkpoint_s: float = opt(60.0, "Seconds between checkpoints.", unit="s", min=0, affects_output=False)
    keep: int = opt(2, "Newest checkpoints kept; the last good one is kept besides.", min=1, affects_output=False)
    rollbacks: int = opt(
        3, "Times to go back to one good checkpoint when the loss diverges; 0: stop at once.", min=0,
        affects_output=False,
    )  # fmt: skip

    def budget(self) -> dict[str, Any]:
        """The one budget given, or the default pair; ConfigError for several."""
        given = {name: getattr(self, name) for name in BUDGETS if getattr(self, name) is not None}
        if len(given) > 1:
            flags = " and ".join(f"--{name}" for name in given)
            raise ConfigError(f"{flags} are both given", "give one budget")
        if any(value == 0 for value in given.values()):
            raise ConfigError(f"--{next(iter(given))} is 0", "give a budget above zero")
        return given or {"minutes": DEFAULT_MINUTES, "epochs": DEFAULT_EPOCHS}
