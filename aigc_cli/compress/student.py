"""A smaller GPT cut out of a larger one: evenly spaced layers, the channels, heads and neurons of largest magnitude.

Shapes: C width of the residual stream, D head width.
"""

from __future__ import annotations

from typing import Any

import torch

Weights = dict[str, torch.Tensor]


def even_layers(teacher: int, student: int) -> list[int]:
    """`student` of `teacher` layer numbers at even distances, first and last included.

    >>> even_layers(12, 4), even_layers(4, 1)
    ([0, 4, 7, 11], [0])
    """
    if student == 1:
        return [0]
    return [(2 * i * (teacher - 1) + student - 1) // (2 * (student - 1)) for i in range(student)]


def student_weights(weights: Weights, teacher: Any, student: Any, keep_layers: list[int] | None = None) -> Weights:
    """The student's first weights, under the public names.

    With equal sizes these are the teacher's own. The channels of the residual stream are chosen once for the whole
    model, heads and neurons in each layer. Source: Muralidharan et al. 2024, "Compact Language Models via Pruning
    and Knowledge Distillation", section 2 (which ranks by activations; here by weights, which need no data).
    """
    layers = keep_layers or even_layers(teacher.n_layer, student.n_layer)
    channels = _largest(_channel_scores(weights, layers), student.n_embd)
    embedding = weights["model.embed_tokens.weight"]
    cut: Weights = {
        "model.embed_tokens.weight": embedding[:, channels],
        "model.norm.weight": weights["model.norm.weight"][channels],
    }
    if not student.tied:
        cut["lm_head.weight"] = weights.get("lm_head.weight", embedding)[:, channels]
    for new, old in enumerate(layers):
        source = {
            name.removeprefix(f"model.layers.{old}."): value
            for name, value in weights.items()
            if name.startswith(f"model.layers.{old}.")
        }
        for name, value in _cut_layer(source, channels, teacher, student).items():
            cut[f"model.layers.{new}.{name}"] = value
    return {name: value.clone().contiguous() for name, value in cut.items()}


def _channel_scores(weights: Weights, layers: list[int]) -> torch.Tensor:
    """Sum of squares of all that reads or writes each residual channel, [C]; each matrix counts equally."""
    readers = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")
    total = torch.zeros(weights["model.norm.weight"].shape[0], dtype=torch.float64)
    kept = tuple(f"model.layers.{layer}." for layer in layers)
    for name, value in weights.items():
        if value.ndim != 2 or (name.startswith("model.layers.") and not name.startswith(kept)):
            continue
        reads = any(part in name for part in readers) or not name.startswith("model.layers.")
        squares = value.double().square().sum(0 if reads else 1)
        total += squares / squares.sum().clamp_min(1e-30)
    return total


def _cut_layer(layer: Weights, channels: torch.Tensor, teacher: Any, student: Any) -> Weights:
    """One layer with the chosen residual channels and its own largest heads and neurons."""
    gate, up, down = (layer[f"mlp.{name}_proj.weight"] for name in ("gate", "up", "down"))
    importance = gate.double().norm(dim=1) * up.double().norm(dim=1) * down.double().norm(dim=0)
    neurons = _largest(importance, student.n_ff)
    cut = {
        "input_layernorm.weight": layer["input_layernorm.weight"][channels],
        "post_attention_layernorm.weight": layer["post_attention_layernorm.weight"][channels],
        "mlp.gate_proj.weight": gate[neurons][:, channels],
        "mlp.up_proj.weight": up[neurons][:, channels],
        "mlp.down_proj.weight": down[channels][:, neurons],
    }
    return cut | _cut_attention(layer, channels, teacher, student)


def _cut_attention(layer: Weights, channels: torch.Tensor, teacher: Any, student: Any) -> Weights:
    """Query heads by the size of what they write; keys and values follow their queries."""
    dims = _head_dims(teacher.head_dim, student.head_dim)

    def heads(name: str, count: int) -> torch.Tensor:  # [heads, D', C']
        value = layer[f"self_attn.{name}_proj.weight"]
        return value.unflatten(0, (count, teacher.head_dim))[:, dims][:, :, channels]

    q, k, v = heads("q", teacher.n_head), heads("k", teacher.n_kv_head), heads("v", teacher.n_kv_head)
    o = layer["self_attn.o_proj.weight"].unflatten(1, (teacher.n_head, teacher.head_dim))
    chosen = _choose_heads(o.double().square().sum((0, 2)), teacher, student)
    groups = chosen.view(student.n_kv_head, -1) // (teacher.n_head // teacher.n_kv_head)

    def pooled(x: torch.Tensor) -> torch.Tensor:
        # Source: Ainslie et al. 2023, "GQA", section 2.1: heads that merge are averaged.
        return torch.stack([x[group.unique()].mean(0) for group in groups]).flatten(0, 1)

    return {
        "self_attn.q_proj.weight": q[chosen].flatten(0, 1),
        "self_attn.k_proj.weight": pooled(k),
        "self_attn.v_proj.weight": pooled(v),
        "self_attn.o_proj.weight": o[channels][:, chosen][:, :, dims].flatten(1),
        "self_attn.q_norm.weight": layer["self_attn.q_norm.weight"][dims],
        "self_attn.k_norm.weight": layer["self_attn.k_norm.weight"][dims],
    }


def _choose_heads(scores: torch.Tensor, teacher: Any, student: Any) -> torch.Tensor:
    """Numbers of the student's query heads, rising: whole key groups where the student's groups are not larger."""
    old, new = teacher.n_head // teacher.n_kv_head, student.n_head // student.n_kv_head
    if new > old:
        return _largest(scores, student.n_head)
    best = scores.view(teacher.n_kv_head, old).topk(new, dim=1)
    groups = _largest(best.values.sum(1), student.n_kv_head)
    return torch.cat([group * old + best.indices[group].sort().values for group in groups])


def _head_dims(teacher: int, student: int) -> torch.Tensor:
    """Dimensions of a head: the rotary pairs whose frequencies are nearest to those of the smaller head."""
    pairs = (torch.arange(student // 2) * teacher) // student
    return torch.cat([pairs, pairs + teacher // 2])


def _largest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Indices of the `count` largest scores, rising."""
    return scores.topk(count).indices.sort().values
