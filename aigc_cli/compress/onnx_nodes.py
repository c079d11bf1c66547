"""A small writer of ONNX graphs: tensors, nodes, and the inputs and outputs that all our decoders share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from aigc_cli.compress.arch import Arch

MICROSOFT = "com.microsoft"
OPSET = 23  # the first with RMSNormalization, RotaryEmbedding and Attention
IR_VERSION = 11


class Nodes:
    """Collects initialisers and nodes; `op` returns the names of a node's outputs."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: dict[str, onnx.TensorProto] = {}

    def tensor(self, name: str, values: Any, dtype: Any = None) -> str:
        """Store an initialiser once under `name` and return the name."""
        if name not in self.tensors:
            array = np.ascontiguousarray(np.asarray(values, dtype))
            self.tensors[name] = numpy_helper.from_array(array.reshape(np.shape(values)), name)
        return name

    def ints(self, *values: int) -> str:
        """A constant int64 vector, e.g. axes or a shape."""
        return self.tensor("ints_" + "_".join(map(str, values)), values, np.int64)

    def op(self, op: str, inputs: Sequence[str], outputs: Sequence[str] | None = None, *, domain: str = "",
           count: int = 1, **attributes: Any) -> Any:  # fmt: skip
        """Append a node. Returns its output name, or a list of `count` names."""
        number = len(self.nodes)
        names = list(outputs or [f"{op}_{number}.{i}" for i in range(count)])
        self.nodes.append(helper.make_node(op, list(inputs), names, f"{op}_{number}", domain=domain, **attributes))
        return names[0] if len(names) == 1 else names

    def rms_norm(self, x: str, weight: str, eps: float) -> str:
        """x over its root mean square along the last axis, times `weight`."""
        return self.op("RMSNormalization", [x, weight], axis=-1, epsilon=eps)

    def model(self, arch: Arch, opsets: dict[str, int], metadata: dict[str, str]) -> onnx.ModelProto:
        """The finished decoder with key/value cache inputs and outputs, all sizes but the model's own dynamic."""
        value = helper.make_tensor_value_info
        cache: list[str | int] = ["batch", arch.kv_heads]
        inputs = [
            value("input_ids", TensorProto.INT64, ["batch", "sequence"]),
            value("attention_mask", TensorProto.INT64, ["batch", "total"]),
        ]
        outputs = [value("logits", TensorProto.FLOAT, ["batch", "sequence", arch.vocab])]
        for name in cache_names(arch.layers):
            inputs.append(value(f"past_key_values.{name}", TensorProto.FLOAT, [*cache, "past", arch.head_dim]))
            outputs.append(value(f"present.{name}", TensorProto.FLOAT, [*cache, "present", arch.head_dim]))
        graph = helper.make_graph(self.nodes, "gpt", inputs, outputs, list(self.tensors.values()))
        model = helper.make_model(
            graph, producer_name="aigc", ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()],
        )  # fmt: skip
        helper.set_model_props(model, metadata)
        return model


def cache_names(layers: int) -> list[str]:
    """The cache tensors' names in graph order: 0.key, 0.value, 1.key, ..."""
    return [f"{layer}.{kind}" for layer in range(layers) for kind in ("key", "value")]


def rope_tables(arch: Arch) -> tuple[np.ndarray, np.ndarray]:
    """(cos, sin), each [context, head_dim / 2] float32, rounded at the same places as torch rounds them.

    Source: RoFormer (Su et al. 2021), section 3.2.2.
    """
    exponents = np.arange(0, arch.head_dim, 2, dtype=np.float32) / np.float32(arch.head_dim)
    frequencies = (np.float32(1.0) / np.power(np.float32(arch.theta), exponents)).astype(np.float32)
    angles = np.arange(arch.context, dtype=np.float32)[:, None] * frequencies[None]
    return np.cos(angles), np.sin(angles)
