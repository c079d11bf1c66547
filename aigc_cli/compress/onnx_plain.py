"""The plain ONNX decoder: operators of the standard only (opset 23), for runtimes other than onnxruntime.

Same inputs and outputs as the fused graph (onnx_graph.py), but the cache keeps one column per column of the mask.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto

from aigc_cli.compress.arch import Arch
from aigc_cli.compress.onnx_nodes import OPSET, Nodes, rope_tables

# Added to a masked score: far below any score, yet finite, so that a row of padding gives no NaN.
MASKED = -1e9


def plain_graph(arch: Arch, weights: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    """The fp32 decoder with RMSNormalization, RotaryEmbedding and Attention of opset 23."""
    nodes = Nodes()
    op, ints = nodes.op, nodes.ints
    cos, sin = rope_tables(arch)
    nodes.tensor("cos", cos)
    nodes.tensor("sin", sin)
    _positions_and_bias(nodes)

    def vector(name: str) -> str:
        return nodes.tensor(name, weights[name])

    def norm(x: str, name: str) -> str:
        return nodes.rms_norm(x, vector(name), arch.eps)

    def linear(x: str, name: str, outputs: list[str] | None = None) -> str:
        return op("MatMul", [x, nodes.tensor(name + ".T", weights[name].T)], outputs)

    def heads(x: str, count: int) -> str:
        return op("Transpose", [op("Reshape", [x, ints(0, 0, count, arch.head_dim)])], perm=[0, 2, 1, 3])

    def rotated(x: str, count: int, name: str) -> str:
        return op("RotaryEmbedding", [norm(heads(x, count), name), "cos", "sin", "positions"])

    x = op("Gather", [vector("model.embed_tokens.weight"), "input_ids"])
    for layer in range(arch.layers):
        p, a = f"model.layers.{layer}.", f"model.layers.{layer}.self_attn."
        h = norm(x, p + "input_layernorm.weight")
        q = rotated(linear(h, a + "q_proj.weight"), arch.heads, a + "q_norm.weight")
        k = rotated(linear(h, a + "k_proj.weight"), arch.kv_heads, a + "k_norm.weight")
        v = heads(linear(h, a + "v_proj.weight"), arch.kv_heads)
        past = [f"past_key_values.{layer}.{kind}" for kind in ("key", "value")]
        outputs = [f"attention.{layer}", f"present.{layer}.key", f"present.{layer}.value"]
        op("Attention", [q, k, v, "bias", *past], outputs, scale=arch.head_dim**-0.5)
        merged = op("Transpose", [outputs[0]], perm=[0, 2, 1, 3])
        merged = op("Reshape", [merged, ints(0, 0, arch.heads * arch.head_dim)])
        x = op("Add", [x, linear(merged, a + "o_proj.weight")])
        h = norm(x, p + "post_attention_layernorm.weight")
        gate = linear(h, p + "mlp.gate_proj.weight")
        silu = op("Mul", [gate, op("Sigmoid", [gate])])
        x = op("Add", [x, linear(op("Mul", [silu, linear(h, p + "mlp.up_proj.weight")]), p + "mlp.down_proj.weight")])
    h = norm(x, "model.norm.weight")
    if arch.tied:
        op("MatMul", [h, op("Transpose", ["model.embed_tokens.weight"], perm=[1, 0])], ["logits"])
    else:
        linear(h, "lm_head.weight", ["logits"])
    return nodes.model(arch, {"": OPSET}, {"aigc.format": "1", "aigc.layout": "plain", "aigc.bits": "32"})


def _positions_and_bias(nodes: Nodes) -> None:
    """positions [batch, sequence] (tokens before each, padding not counted) and the additive mask of the scores."""
    op, ints = nodes.op, nodes.ints
    zero, one = nodes.tensor("zero", np.array(0, np.int64)), nodes.tensor("one", np.array(1, np.int64))
    columns = op("Shape", ["attention_mask"], start=1, end=2)
    start = op("Sub", [columns, op("Shape", ["input_ids"], start=1, end=2)])
    counted = op("Sub", [op("CumSum", ["attention_mask", ints(1)]), one])
    op("Max", [op("Slice", [counted, start, columns, ints(1)]), zero], ["positions"])
    column = op("Range", [zero, op("Squeeze", [columns]), one])
    row = op("Unsqueeze", [op("Range", [op("Squeeze", [start]), op("Squeeze", [columns]), one]), ints(1)])
    causal = op("LessOrEqual", [column, row])  # [sequence, total]
    seen = op("Cast", [op("Unsqueeze", ["attention_mask", ints(1, 2)])], to=TensorProto.BOOL)  # [batch, 1, 1, total]
    values = [nodes.tensor("kept", np.array(0, np.float32)), nodes.tensor("masked", np.array(MASKED, np.float32))]
    op("Where", [op("And", [causal, seen]), *values], ["bias"])
