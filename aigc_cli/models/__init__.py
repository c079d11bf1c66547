"""Model families: one row per family, everything heavy named by a string and imported when used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Family:
    """One model family: its public class, its tasks and where its parts live (as "module:name")."""

    name: str
    modality: str
    help: str
    module: str
    model_type: str
    architecture: str
    tasks: tuple[str, ...]
    objective: str
    generator: str
    exporter: str

    def config(self) -> type:
        """The family's Config dataclass (stdlib only)."""
        return importlib.import_module(f"{self.module}.config").Config

    def hf(self) -> Any:
        """The module with to_hf_config and from_hf_config (stdlib only)."""
        return importlib.import_module(f"{self.module}.hf")

    def build(self, config: Any) -> Any:
        """A freshly initialised model (imports torch)."""
        return importlib.import_module(f"{self.module}.model").build(config)

    def build_empty(self, config: Any) -> Any:
        """A model with uninitialised weights, to be filled from a checkpoint (imports torch)."""
        return importlib.import_module(f"{self.module}.model").build_empty(config)

    def load(self, part: str) -> Any:
        """The object behind one of the "module:name" fields: objective, generator or exporter."""
        module, _, name = getattr(self, part).partition(":")
        return getattr(importlib.import_module(module), name)


FAMILIES: dict[str, Family] = {
    "gpt": Family(
        name="gpt",
        modality="text",
        help="Decoder-only Transformer, weight-compatible with Qwen3ForCausalLM.",
        module="aigc_cli.models.gpt",
        model_type="qwen3",
        architecture="Qwen3ForCausalLM",
        tasks=("generate",),
        objective="aigc_cli.train.lm:CausalLM",
        generator="aigc_cli.generate.api:generate",
        exporter="aigc_cli.compress.exporting:export",
    ),
}


def family_of(model_type: str) -> Family | None:
    """The family whose checkpoints carry this public `model_type`, or None.

    >>> family_of("qwen3").name
    'gpt'
    """
    return next((family for family in FAMILIES.values() if family.model_type == model_type), None)
