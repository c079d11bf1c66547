"""Model families: one row per family, everything heavy named by a string and imported when used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Family:
    """One model family: its public class, what it can do and where its parts live.

    `tasks` are what a trained model does (generate, fill, classify, ...); `trainers` how it is trained: task ->
    module of train/tasks/, the first one by default. `use` is the command for a trained model DIR.
    """

    name: str
    modality: str
    help: str
    module: str
    model_type: str
    architecture: str
    auto_class: str
    pipeline_tag: str
    tasks: tuple[str, ...]
    trainers: dict[str, str]
    use: str

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

    def shape(self) -> type:
        """The family's Shape dataclass: the options that a Config is made from (stdlib only)."""
        return importlib.import_module(f"{self.module}.config").Shape

    def trainer(self, task: str | None = None) -> Any:
        """The module that trains `task` (imports torch)."""
        return importlib.import_module(self.trainers[task or next(iter(self.trainers))])


FAMILIES: dict[str, Family] = {
    "gpt": Family(
        name="gpt",
        modality="text",
        help="Decoder-only Transformer, weight-compatible with Qwen3ForCausalLM.",
        module="aigc_cli.models.gpt",
        model_type="qwen3",
        architecture="Qwen3ForCausalLM",
        auto_class="AutoModelForCausalLM",
        pipeline_tag="text-generation",
        tasks=("generate", "perplexity", "distill", "export"),
        trainers={"lm": "aigc_cli.train.tasks.causal"},
        use='aigc generate DIR --prompt "Once upon a time"',
    ),
    "seq2seq": Family(
        name="seq2seq",
        modality="text",
        help="Encoder-decoder Transformer, weight-compatible with T5ForConditionalGeneration (version 1.1).",
        module="aigc_cli.models.seq2seq",
        model_type="t5",
        architecture="T5ForConditionalGeneration",
        auto_class="AutoModelForSeq2SeqLM",
        pipeline_tag="text2text-generation",
        tasks=("generate",),
        trainers={"span": "aigc_cli.train.tasks.span", "pairs": "aigc_cli.train.tasks.pairs"},
        use='aigc generate DIR --greedy --prompt "a text to rewrite"',
    ),
    "bert": Family(
        name="bert",
        modality="text",
        help="Encoder that sees both sides, weight-compatible with BertForPreTraining.",
        module="aigc_cli.models.bert",
        model_type="bert",
        architecture="BertForPreTraining",
        auto_class="AutoModelForPreTraining",
        pipeline_tag="fill-mask",
        tasks=("fill", "classify"),
        trainers={"mlm": "aigc_cli.train.tasks.mlm", "classify": "aigc_cli.train.tasks.classify"},
        use='aigc explain fill DIR "a text with a [MASK] in it"',
    ),
    "xlnet": Family(
        name="xlnet",
        modality="text",
        help="Permutation language model with two streams, weight-compatible with XLNetLMHeadModel.",
        module="aigc_cli.models.xlnet",
        model_type="xlnet",
        architecture="XLNetLMHeadModel",
        auto_class="AutoModelForCausalLM",
        pipeline_tag="feature-extraction",
        tasks=("fill",),
        trainers={"permutation": "aigc_cli.train.tasks.permutation"},
        use='aigc explain fill DIR "a text with a [MASK] in it"',
    ),
    "diffusion": Family(
        name="diffusion",
        modality="image",
        help="Convolutional denoiser of pictures, by flow matching or DDPM.",
        module="aigc_cli.models.unet",
        model_type="aigc_unet",
        architecture="UNet",
        auto_class="",
        pipeline_tag="unconditional-image-generation",
        tasks=("draw",),
        trainers={"denoise": "aigc_cli.train.tasks.denoise"},
        use="aigc generate DIR --n 16",
    ),
    "vae": Family(
        name="vae",
        modality="image",
        help="Variational autoencoder: pictures to a few numbers and back.",
        module="aigc_cli.models.vae",
        model_type="aigc_vae",
        architecture="VAE",
        auto_class="",
        pipeline_tag="unconditional-image-generation",
        tasks=("draw",),
        trainers={"autoencode": "aigc_cli.train.tasks.autoencode"},
        use="aigc generate DIR --n 16",
    ),
    "word2vec": Family(
        name="word2vec",
        modality="text",
        help="Word vectors by prediction of neighbours: skip-gram or continuous bag of words.",
        module="aigc_cli.models.words",
        model_type="word2vec",
        architecture="WordVectors",
        auto_class="",
        pipeline_tag="feature-extraction",
        tasks=("neighbors",),
        trainers={},
        use="aigc explain neighbors DIR WORD",
    ),
    "glove": Family(
        name="glove",
        modality="text",
        help="Word vectors by counts of neighbours.",
        module="aigc_cli.models.words",
        model_type="glove",
        architecture="WordVectors",
        auto_class="",
        pipeline_tag="feature-extraction",
        tasks=("neighbors",),
        trainers={},
        use="aigc explain neighbors DIR WORD",
    ),
}


def family_of(model_type: str) -> Family | None:
    """The family whose checkpoints carry this public `model_type`, or None.

    >>> family_of("qwen3").name
    'gpt'
    """
    return next((family for family in FAMILIES.values() if family.model_type == model_type), None)
