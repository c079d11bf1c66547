"""ONNX directories: write the graph with its config.json, read fp32 weights back by their public names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from aigc_cli.compress.arch import Arch
from aigc_cli.compress.onnx_nodes import cache_names
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import atomic_write, disk_errors

MODEL = "model.onnx"
DATA = "model.onnx.data"
MAX_INLINE_BYTES = int(1.8e9)  # protobuf ends at 2 GiB


def write_onnx(directory: Path, model: onnx.ModelProto, arch: Arch) -> int:
    """model.onnx (weights beside it when they are large), config.json, genai_config.json. Returns the graph's bytes."""
    size = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    path = directory / MODEL
    with disk_errors(path):
        if size > MAX_INLINE_BYTES:
            (directory / DATA).unlink(missing_ok=True)  # onnx appends to a file that is there
            onnx.save_model(model, str(path), save_as_external_data=True, location=DATA, size_threshold=1024)
        else:
            atomic_write(path, model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(path))
    atomic_write(directory / "config.json", json.dumps(dict(arch.config), indent=2, sort_keys=True) + "\n")
    if layout(model) == "fused":
        atomic_write(directory / "genai_config.json", json.dumps(genai_config(arch), indent=2) + "\n")
    return sum((directory / name).stat().st_size for name in (MODEL, DATA) if (directory / name).exists())


def layout(model: onnx.ModelProto) -> str:
    """ "fused", "plain", or "" for a graph of another tool."""
    return {p.key: p.value for p in model.metadata_props}.get("aigc.layout", "")


def read_weights(directory: Path, arch: Arch) -> dict[str, np.ndarray]:
    """The float32 parameters of an exported graph, by public name and in the checkpoint's layout."""
    path = directory / MODEL
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf and onnx raise several unrelated types for damaged files
        raise DataError(f"{path} is no ONNX model: {error}", "export the model again") from error
    if not layout(model):
        raise ConfigError(f"{path} was not exported by aigc", "give the model that it was exported from")
    if any(tensor.name.endswith(".q") for tensor in model.graph.initializer):
        raise ConfigError(f"{directory} is quantised already", "give the model that it was made from")
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = {}
    for name, shape in arch.shapes().items():
        found = (
            stored[name]
            if name in stored
            else stored[name + ".T"].T
            if name + ".T" in stored
            else _part(stored, name, arch)
        )
        if found is None or found.shape != shape:
            raise DataError(f"{path} lacks {name}", "export the model again")
        weights[name] = np.ascontiguousarray(found)
    return weights


def _part(stored: dict[str, np.ndarray], name: str, arch: Arch) -> np.ndarray | None:
    """One of the matrices that the fused graph keeps stacked: q, k, v; gate, up."""
    q, kv = arch.heads * arch.head_dim, arch.kv_heads * arch.head_dim
    parts = {"q_proj": ("qkv_proj", 0, q), "k_proj": ("qkv_proj", q, kv), "v_proj": ("qkv_proj", q + kv, kv),
             "gate_proj": ("gate_up_proj", 0, arch.ff), "up_proj": ("gate_up_proj", arch.ff, arch.ff)}  # fmt: skip
    for part, (whole, start, rows) in parts.items():
        packed = stored.get(name.replace(part, whole)) if part in name else None
        if packed is not None:
            return packed[start : start + rows]
    return None


def genai_config(arch: Arch) -> dict[str, Any]:
    """What onnxruntime-genai reads beside the graph: sizes, and the names of inputs and outputs."""
    tokens = {key: arch.config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")
              if arch.config.get(key) is not None}  # fmt: skip
    names = cache_names(1)
    assert names == ["0.key", "0.value"]
    decoder = {
        "session_options": {"log_id": "onnxruntime-genai", "provider_options": []},
        "filename": MODEL, "head_size": arch.head_dim, "hidden_size": arch.width,
        "inputs": {"input_ids": "input_ids", "attention_mask": "attention_mask",
                   "past_key_names": "past_key_values.%d.key", "past_value_names": "past_key_values.%d.value"},
        "outputs": {"logits": "logits", "present_key_names": "present.%d.key",
                    "present_value_names": "present.%d.value"},
        "num_attention_heads": arch.heads, "num_hidden_layers": arch.layers, "num_key_value_heads": arch.kv_heads,
    }  # fmt: skip
    sizes = {"vocab_size": arch.vocab, "context_length": arch.context}
    return {
        "model": {**tokens, "type": "qwen3", **sizes, "decoder": decoder},
        "search": {"do_sample": False, "max_length": arch.context, "past_present_share_buffer": True},
    }  # fmt: skip
