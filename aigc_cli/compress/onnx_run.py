"""Run an exported graph: whole sequences, or step by step with its cache. What parity and measurements stand on.

Shapes: B rows, S new tokens, V vocabulary.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from aigc_cli.compress.arch import Arch
from aigc_cli.compress.onnx_file import MODEL
from aigc_cli.compress.onnx_nodes import cache_names
from aigc_cli.core.device import threads
from aigc_cli.core.errors import AigcError

Cache = list[np.ndarray]


class Graph:
    """An onnxruntime session on DIR/model.onnx, with the decoder's own names."""

    def __init__(self, directory: Path, arch: Arch) -> None:
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads()
        settings.log_severity_level = 4
        self.arch = arch
        self.names = cache_names(arch.layers)
        try:
            self.session = onnxruntime.InferenceSession(
                str(directory / MODEL), settings, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own classes, which share no base
            raise AigcError(
                f"onnxruntime cannot load {directory / MODEL}: {error}", "needs onnxruntime 1.32"
            ) from error

    def empty_cache(self, batch: int) -> Cache:
        """No tokens yet."""
        return [np.zeros((batch, self.arch.kv_heads, 0, self.arch.head_dim), np.float32) for _ in self.names]

    def __call__(self, ids_BS: np.ndarray, mask: np.ndarray, cache: Cache) -> tuple[np.ndarray, Cache]:
        """(logits_BSV, the cache with the new tokens)."""
        feeds = {"input_ids": ids_BS.astype(np.int64), "attention_mask": mask.astype(np.int64)}
        feeds |= {f"past_key_values.{name}": value for name, value in zip(self.names, cache, strict=True)}
        outputs = ["logits", *(f"present.{name}" for name in self.names)]
        logits, *present = self.session.run(outputs, feeds)
        return logits, present

    def logits(self, ids_BS: np.ndarray) -> np.ndarray:
        """logits_BSV of whole sequences."""
        return self(ids_BS, np.ones(ids_BS.shape, np.int64), self.empty_cache(len(ids_BS)))[0]
