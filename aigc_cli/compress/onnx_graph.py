"""The fused ONNX decoder: about 17 nodes per layer, fp32 or block-wise integer weights.

Interface, the same for the plain graph (onnx_plain.py) and the one that onnxruntime-genai expects:

    input_ids               int64   [batch, sequence]       the new tokens, rows padded on the right
    attention_mask          int64   [batch, total]          1 = a token, 0 = padding; total = columns so far + sequence
    past_key_values.I.key   float32 [batch, kv_heads, past, head_dim]   and .value; past may be 0
    logits                  float32 [batch, sequence, vocab]
    present.I.key           float32 [batch, kv_heads, present, head_dim]   and .value

The last `sequence` columns of the mask say which new tokens are real; the columns before them, which old ones
are. After a padded prompt the mask goes on growing by a column per step: [1 1 1 0 0] -> [1 1 1 0 0 1].

Cache layout of the fused graph: every row is left-aligned and without gaps, so row b holds its own
sum(attention_mask[b]) keys in columns 0, 1, ...; padding takes no room and what stands behind a row's length is
ignored. Positions are counted the same way. Two ways to feed it:

  - growing: past = `total - sequence` columns, present = `total` columns, a new array per step;
  - shared buffer: allocate [batch, kv_heads, capacity, head_dim] once and bind the same memory as
    past_key_values.I and present.I; past = present = capacity >= total, nothing is copied. `total` still comes
    from the mask's width. genai_config.json says past_present_share_buffer: true.

The plain graph keeps one column per mask column and knows only the growing way.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto

from aigc_cli.compress.arch import Arch
from aigc_cli.compress.blocks import quantize_blocks
from aigc_cli.compress.onnx_nodes import MICROSOFT, OPSET, Nodes, rope_tables

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
BLOCK = 32  # inputs per scale; MatMulNBits takes 16, 32, 64 ...
EDGE_BITS = 8  # embedding and head keep 8 bits when the layers have 4: every token passes through them
ACCURACY = 4  # activations as int8: 2.6 times the speed of level 0 for 4 bits, measured


def fused_graph(arch: Arch, weights: Mapping[str, np.ndarray], bits: int = 32) -> onnx.ModelProto:
    """The decoder with onnxruntime's fused attention; bits = 32 keeps float weights, 8 or 4 quantises them."""
    return _Fused(arch, weights, bits).build()


class _Fused:
    def __init__(self, arch: Arch, weights: Mapping[str, np.ndarray], bits: int) -> None:
        self.arch, self.weights, self.bits, self.nodes = arch, weights, bits, Nodes()

    def build(self) -> onnx.ModelProto:
        arch, nodes = self.arch, self.nodes
        self.lengths()
        x = self.embedding()
        h = nodes.rms_norm(x, self.vector("model.layers.0.input_layernorm.weight"), arch.eps)
        for layer in range(arch.layers):
            p = f"model.layers.{layer}."
            x, h = self.add_norm(x, self.attention(h, layer), p + "post_attention_layernorm.weight")
            last = layer + 1 == arch.layers
            after = "model.norm.weight" if last else f"model.layers.{layer + 1}.input_layernorm.weight"
            x, h = self.add_norm(x, self.mlp(h, p), after)
        self.head(h)
        metadata = {"aigc.format": "1", "aigc.layout": "fused", "aigc.bits": str(self.bits)}
        return nodes.model(arch, {"": OPSET, MICROSOFT: 1}, metadata)

    def lengths(self) -> None:
        """What GroupQueryAttention wants to know of the mask: tokens per row, new ones per row, columns."""
        op, ints = self.nodes.op, self.nodes.ints
        tokens = op("Cast", [op("ReduceSum", ["attention_mask", ints(1)], keepdims=0)], to=TensorProto.INT32)
        op("Sub", [tokens, self.nodes.tensor("one", np.array(1, np.int32))], ["seqlens_k"])
        columns = op("Shape", ["attention_mask"], start=1, end=2)
        op("Cast", [op("Squeeze", [columns])], ["total"], to=TensorProto.INT32)
        start = op("Sub", [columns, op("Shape", ["input_ids"], start=1, end=2)])
        new = op("Slice", ["attention_mask", start, columns, ints(1)])
        # Without query_seqlens, several new tokens after a cache are refused for more than one row.
        op("Cast", [op("ReduceSum", [new, ints(1)], keepdims=0)], ["query_seqlens"], to=TensorProto.INT32)

    def embedding(self) -> str:
        table = self.weights[EMBEDDING]
        if self.bits == 32:
            return self.nodes.op("Gather", [self.vector(EMBEDDING), "input_ids"])
        if self.arch.width % BLOCK:  # a padded last block cannot serve both the gather and the tied head
            return self.nodes.op("Gather", [self.nodes.tensor(EMBEDDING, table), "input_ids"])
        q, scale = quantize_blocks(table, EDGE_BITS, BLOCK)
        inputs = [self.nodes.tensor(EMBEDDING + ".q", q.reshape(table.shape)), "input_ids",
                  self.nodes.tensor(EMBEDDING + ".scale", scale)]  # fmt: skip
        return self.nodes.op(
            "GatherBlockQuantized",
            inputs,
            domain=MICROSOFT,
            bits=EDGE_BITS,
            block_size=BLOCK,
            gather_axis=0,
            quantize_axis=1,
        )

    def attention(self, h: str, layer: int) -> str:
        """Self-attention of the normed input: one product for q, k, v, then head norms, then the fused operator."""
        arch, nodes, p = self.arch, self.nodes, f"model.layers.{layer}.self_attn."
        q_size, kv_size = arch.heads * arch.head_dim, arch.kv_heads * arch.head_dim
        packed = self.linear(h, [p + "q_proj.weight", p + "k_proj.weight", p + "v_proj.weight"], p + "qkv_proj.weight")
        q, k, v = nodes.op("Split", [packed, nodes.ints(q_size, kv_size, kv_size)], count=3, axis=-1)
        q = self.head_norm(q, arch.heads, p + "q_norm.weight")
        k = self.head_norm(k, arch.kv_heads, p + "k_norm.weight")
        cos, sin = rope_tables(arch)
        past = [f"past_key_values.{layer}.{kind}" for kind in ("key", "value")]
        inputs = [q, k, v, *past, "seqlens_k", "total", nodes.tensor("cos", cos), nodes.tensor("sin", sin)]
        # Inputs 9 to 15: position_ids, attention_bias, head_sink, k_scale, v_scale and the two head norms, which
        # the CPU kernel refuses.
        out = nodes.op(
            "GroupQueryAttention", [*inputs, *[""] * 7, "query_seqlens"],
            [f"attention.{layer}", f"present.{layer}.key", f"present.{layer}.value"], domain=MICROSOFT,
            num_heads=arch.heads, kv_num_heads=arch.kv_heads, do_rotary=1, scale=arch.head_dim**-0.5,
        )  # fmt: skip
        return self.linear(out[0], [p + "o_proj.weight"], p + "o_proj.weight")

    def head_norm(self, x: str, heads: int, name: str) -> str:
        """RMSNorm of each head, with the heads side by side before and after."""
        nodes, size = self.nodes, self.arch.head_dim
        split = nodes.op("Reshape", [x, nodes.ints(0, 0, heads, size)])
        return nodes.op(
            "Reshape", [nodes.rms_norm(split, self.vector(name), self.arch.eps), nodes.ints(0, 0, heads * size)]
        )

    def mlp(self, h: str, p: str) -> str:
        nodes, size = self.nodes, self.arch.ff
        packed = self.linear(h, [p + "mlp.gate_proj.weight", p + "mlp.up_proj.weight"], p + "mlp.gate_up_proj.weight")
        gate, up = nodes.op("Split", [packed, nodes.ints(size, size)], count=2, axis=-1)
        silu = nodes.op("QuickGelu", [gate], domain=MICROSOFT, alpha=1.0)  # x * sigmoid(1 * x) is SiLU
        return self.linear(nodes.op("Mul", [silu, up]), [p + "mlp.down_proj.weight"], p + "mlp.down_proj.weight")

    def add_norm(self, x: str, y: str, name: str) -> tuple[str, str]:
        """(x + y, its RMSNorm)."""
        number = len(self.nodes.nodes)
        outputs = [f"norm.{number}", "", "", f"sum.{number}"]
        self.nodes.op("SkipSimplifiedLayerNormalization", [x, y, self.vector(name)], outputs, domain=MICROSOFT,
                      epsilon=self.arch.eps)  # fmt: skip
        return outputs[3], outputs[0]

    def head(self, h: str) -> None:
        nodes, tied = self.nodes, self.arch.tied
        if self.bits == 32 and tied:
            nodes.op("FusedMatMul", [h, EMBEDDING], ["logits"], domain=MICROSOFT, transB=1)
        elif tied and EMBEDDING + ".q" in nodes.tensors:
            shape = nodes.ints(self.arch.vocab, self.arch.width // BLOCK, BLOCK)
            q = nodes.op("Reshape", [EMBEDDING + ".q", shape])  # folded when the session starts
            self.matmul_bits(h, q, EMBEDDING + ".scale", (self.arch.vocab, self.arch.width), EDGE_BITS, ["logits"])
        else:
            self.linear(h, [EMBEDDING if tied else HEAD], HEAD, ["logits"])

    def linear(self, x: str, names: list[str], stored: str, outputs: list[str] | None = None) -> str:
        """x times the named [out, in] weights stacked along `out`, kept in the file as `stored`."""
        w_NK = np.concatenate([self.weights[name] for name in names])
        if self.bits == 32:
            inputs = [x, self.nodes.tensor(stored, w_NK)]
            return self.nodes.op("FusedMatMul", inputs, outputs, domain=MICROSOFT, transB=1)
        bits = EDGE_BITS if stored == HEAD else self.bits
        q, scale = quantize_blocks(w_NK, bits, BLOCK)
        q_name, scale_name = self.nodes.tensor(stored + ".q", q), self.nodes.tensor(stored + ".scale", scale)
        return self.matmul_bits(x, q_name, scale_name, w_NK.shape, bits, outputs)

    def matmul_bits(
        self, x: str, q: str, scale: str, shape: tuple[int, ...], bits: int, outputs: list[str] | None
    ) -> str:
        """x times the transpose of the block-wise integers `q` [out, groups, block], without unpacking them."""
        return self.nodes.op(
            "MatMulNBits", [x, q, scale], outputs, domain=MICROSOFT, N=shape[0], K=shape[1], bits=bits,
            block_size=BLOCK, accuracy_level=ACCURACY,
        )  # fmt: skip

    def vector(self, name: str) -> str:
        return self.nodes.tensor(name, self.weights[name])
