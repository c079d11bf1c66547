"""Options of export, quantize and distill."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aigc_cli.core.options import opt


@dataclass
class ExportOptions:
    """Export."""

    to: Literal["onnx", "hf", "pt"] = opt(
        "onnx", "onnx: graph with key/value cache; hf: Hugging Face directory; pt: one file."
    )
    fuse: bool = opt(True, "onnxruntime's fused attention; --no-fuse writes operators of the ONNX standard only.")
    tolerance: float = opt(1e-4, "Largest difference of logits from torch that passes.", min=0)


@dataclass
class QuantizeOptions:
    """Quantize."""

    to: Literal["int8", "int4"] = opt("int8", "Number format of the weights; embedding and head are int8 in both.")
    max_kl: float = opt(0.01, "Refuse a model whose mean KL from fp32 is higher.", unit="nats", min=0)
    shards: Path | None = opt(None, "Token shards to measure on; default: those that the model was trained on.")
    windows: int = opt(16, "Validation records to measure on.", min=1)
    window: int = opt(256, "Tokens of each record.", unit="tokens", min=2)


@dataclass
class DistillOptions:
    """Distill."""

    init: bool = opt(False, "Write a commented recipe (default name student.yaml) and stop.", affects_output=False)
    shards: Path | None = opt(None, "Token shards; default: those that the teacher was trained on.")
