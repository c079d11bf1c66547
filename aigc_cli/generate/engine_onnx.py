"""GPT decoding with onnxruntime and numpy: no torch anywhere.

Shapes: B sequences, T new tokens, M columns of the attention mask, K key/value heads, N capacity in tokens,
D head width, V vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core.device import threads
from aigc_cli.core.errors import DataError, need

GROWTH = 256  # tokens; the shared cache grows in steps of at least this, then doubles


class OnnxEngine:
    """An Engine (see engine.py) over an ONNX directory as `aigc export onnx` writes it.

    The mask has a column per token read; rows shorter than the longest prompt are padded on the right with
    zeros. A graph of layout "fused" keeps its cache in one buffer in place, any other gets it back and forth.
    """

    start: int | None = None

    def __init__(self, directory: str | Path) -> None:
        directory = Path(directory)
        files = sorted(directory.glob("*.onnx"))
        if len(files) != 1:
            raise DataError(f"{directory} holds {len(files)} .onnx files, not one", "export the model again")
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        self.context = int(config["max_position_embeddings"])
        self.session = _open(files[0])
        names = [value.name for value in self.session.get_outputs()]
        self.cache_names = [name.removeprefix("present.") for name in names if name.startswith("present.")]
        shapes = {value.name: value.shape for value in self.session.get_inputs()}
        if not {"input_ids", "attention_mask"} <= shapes.keys() or "logits" not in names or not self.cache_names:
            raise DataError(f"{files[0]} is no decoder with a cache", "make it anew: aigc export MODEL --to onnx")
        _, self.n_kv_head, _, self.head_dim = shapes[f"past_key_values.{self.cache_names[0]}"]
        self.vocab_size = int(self.session.get_outputs()[names.index("logits")].shape[2])
        self.shared = self.session.get_modelmeta().custom_metadata_map.get("aigc.layout") == "fused"
        self.mask_BM = np.zeros((0, 0), dtype=np.int64)
        self.cache: dict[str, np.ndarray] = {}
        self._step: _Step | None = None

    def prefill(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        """See Engine.prefill."""
        lengths = np.array([len(row) for row in ids])
        ids_BT = np.zeros((len(ids), lengths.max()), dtype=np.int64)
        for row, values in enumerate(ids):
            ids_BT[row, : lengths[row]] = values
        self.mask_BM = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        capacity = min(lengths.max() + GROWTH, max(self.context, lengths.max())) if self.shared else 0
        self.cache = {name: self._empty(len(ids), capacity) for name in self.cache_names}
        self._step = None
        feeds = {"input_ids": ids_BT, "attention_mask": self.mask_BM, **self._past()}
        logits_BTV = self._run(feeds)
        return logits_BTV[np.arange(len(ids)), lengths - 1]

    def step(self, ids_B: np.ndarray) -> np.ndarray:
        """See Engine.step."""
        n_batch, columns = self.mask_BM.shape
        self.mask_BM = np.concatenate((self.mask_BM, np.ones((n_batch, 1), dtype=np.int64)), axis=1)
        if not self.shared:
            feeds = {"input_ids": np.asarray(ids_B, dtype=np.int64)[:, None], "attention_mask": self.mask_BM}
            return self._run({**feeds, **self._past()})[:, 0]
        if columns >= self._capacity():
            grown = self._empty(n_batch, max(GROWTH, self._capacity()))
            self.cache = {name: np.concatenate((value, grown), axis=2) for name, value in self.cache.items()}
            self._step = None
        if self._step is None:
            self._step = _Step(self.session, self.cache, n_batch, self.vocab_size)
        return self._step.run(ids_B, self.mask_BM)

    def reorder(self, rows: np.ndarray) -> None:
        """See Engine.reorder."""
        rows = np.asarray(rows)
        if rows.size == len(self.mask_BM) and (rows == np.arange(rows.size)).all():
            return
        self.mask_BM = self.mask_BM[rows]
        same = rows.size == len(next(iter(self.cache.values())))
        for name, value in self.cache.items():
            if same:
                value[...] = value[rows]  # in place: the bound buffers stay
            else:
                self.cache[name] = np.ascontiguousarray(value[rows])
        self._step = self._step if same else None

    def rollback(self, n_tokens: int) -> None:
        """See Engine.rollback."""
        if n_tokens > self.mask_BM.sum(axis=1).min():
            raise ValueError(f"cannot forget {n_tokens} of {self.mask_BM.sum(axis=1).min()} tokens")
        if n_tokens and not self.mask_BM[:, self.mask_BM.shape[1] - n_tokens :].all():
            raise ValueError("only tokens of `step` can be forgotten in rows of unequal length")
        columns = self.mask_BM.shape[1] - n_tokens
        self.mask_BM = np.ascontiguousarray(self.mask_BM[:, :columns])
        if not self.shared:
            self.cache = {name: np.ascontiguousarray(value[:, :, :columns]) for name, value in self.cache.items()}

    def nll(self, ids_BT: np.ndarray) -> np.ndarray:
        """See Engine.nll."""
        ids_BT = np.asarray(ids_BT, dtype=np.int64)
        rows = []
        for ids_1T in ids_BT[:, None]:  # a row at a time bounds the logits
            past = {f"past_key_values.{name}": self._empty(1, 0) for name in self.cache_names}
            feeds = {"input_ids": ids_1T[:, :-1], "attention_mask": np.ones_like(ids_1T[:, :-1]), **past}
            logits_TV = self.session.run(["logits"], feeds)[0][0]
            top_T1 = logits_TV.max(axis=1, keepdims=True)
            total_T = np.log(np.exp(logits_TV - top_T1).sum(axis=1, dtype=np.float64)) + top_T1[:, 0]
            rows.append(total_T - logits_TV[np.arange(len(logits_TV)), ids_1T[0, 1:]])
        return np.stack(rows).astype(np.float32)

    def _run(self, feeds: dict[str, np.ndarray]) -> np.ndarray:
        """Logits [B, T, V]; the cache becomes what the graph gives back."""
        outputs = ["logits", *(f"present.{name}" for name in self.cache_names)]
        logits_BTV, *present = self.session.run(outputs, feeds)
        self.cache = dict(zip(self.cache_names, present, strict=True))
        return logits_BTV

    def _past(self) -> dict[str, np.ndarray]:
        return {f"past_key_values.{name}": value for name, value in self.cache.items()}

    def _empty(self, n_batch: int, capacity: int) -> np.ndarray:
        return np.zeros((n_batch, self.n_kv_head, capacity, self.head_dim), dtype=np.float32)

    def _capacity(self) -> int:
        return next(iter(self.cache.values())).shape[2]


class _Step:
    """One token a row over a cache that is updated in place: memory is bound once, not copied per step."""

    def __init__(self, session: Any, cache: dict[str, np.ndarray], n_batch: int, vocab_size: int) -> None:
        self.session, self.binding = session, session.io_binding()
        self.ids_B1 = np.zeros((n_batch, 1), dtype=np.int64)
        self.logits_B1V = np.zeros((n_batch, 1, vocab_size), dtype=np.float32)
        self._bind_input("input_ids", self.ids_B1)
        self._bind_output("logits", self.logits_B1V)
        for name, value in cache.items():
            self._bind_input(f"past_key_values.{name}", value)
            self._bind_output(f"present.{name}", value)

    def run(self, ids_B: np.ndarray, mask_BM: np.ndarray) -> np.ndarray:
        self.ids_B1[:, 0] = ids_B
        self._bind_input("attention_mask", mask_BM)
        self.session.run_with_iobinding(self.binding)
        return self.logits_B1V[:, 0].copy()

    def _bind_input(self, name: str, value: np.ndarray) -> None:
        self.binding.bind_input(name, "cpu", 0, value.dtype.type, value.shape, value.ctypes.data)

    def _bind_output(self, name: str, value: np.ndarray) -> None:
        self.binding.bind_output(name, "cpu", 0, value.dtype.type, value.shape, value.ctypes.data)


def _open(path: Path) -> Any:
    """An onnxruntime session on the CPU. Raises DataError for a file that is no model."""
    ort = need("onnxruntime", "onnx")
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = threads()
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a class per status code, all direct children of Exception
        raise DataError(f"{path} is no ONNX model: {str(error).splitlines()[0]}", "export the model again") from error
