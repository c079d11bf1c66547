"""What a model on disk gives to compression: numpy weights, tokenizer files, and the shards it was trained on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from aigc_cli.compress.arch import Arch
from aigc_cli.core import lineage
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.files import atomic_write
from aigc_cli.core.manifest import read_manifest
from aigc_cli.models.bundle import Bundle

TOKENIZER_FILES = ("special_tokens_map.json", "vocab.json", "merges.txt", "added_tokens.json", "chat_template.jinja")
HEAD = "lm_head.weight"


def numpy_weights(bundle: Bundle, arch: Arch) -> dict[str, np.ndarray]:
    """All parameters as float32 by public name, shapes checked; a tied head is left out.

    Raises ConfigError for an ONNX directory that is quantised, DataError for weights that do not fit config.json.
    """
    if bundle.kind == "onnx":
        from aigc_cli.compress.onnx_file import read_weights

        weights = read_weights(bundle.path, arch)
    else:
        weights = {name: value.float().numpy() for name, value in bundle.weights().items()}
    if arch.tied:
        weights.pop(HEAD, None)
    for name, shape in arch.shapes().items():
        found = weights[name].shape if name in weights else "missing"
        if found != shape:
            raise DataError(f"{bundle.path}: {name} is {found}, config.json says {shape}", "write the model again")
        if not np.isfinite(weights[name]).all():
            raise DataError(f"{bundle.path}: {name} holds values that are not finite", "take an earlier checkpoint")
    return weights


def copy_tokenizer(bundle: Bundle, directory: Path) -> None:
    """The model's tokenizer files, byte for byte, into `directory`."""
    if bundle.kind == "pt":
        from aigc_cli.models.packed import read_pt

        for name, content in sorted(read_pt(bundle.path)["tokenizer"].items()):
            atomic_write(directory / Path(name).name, content)
        return
    for path in sorted(bundle.path.iterdir()):
        if path.is_file() and (path.name.startswith("tokenizer") or path.name in TOKENIZER_FILES):
            shutil.copyfile(path, directory / path.name)


def token_shards(bundle: Bundle, given: Path | None) -> Path | None:
    """The token shards to measure or train on: `given`, or those in the model's lineage; None when they are gone.

    Raises DataError when the shards were made with another tokenizer than the model's.
    """
    path = given
    if path is None and bundle.manifest is not None:
        found = lineage.parents(bundle.path, ["tokenize"])
        path = found[0] if found else None
    if path is None:
        return None
    manifest = read_manifest(path)
    facts = (manifest or {}).get("facts", {})
    if manifest is None or "vocab_size" not in facts:
        raise DataError(f"{path} holds no token shards", f"make some: aigc tokenize {path} -o tokens")
    if facts["vocab_size"] > bundle.config.vocab_size:
        raise DataError(f"{path} has {facts['vocab_size']} tokens, the model {bundle.config.vocab_size}",
                        "give shards made with the model's tokenizer: --shards DIR")  # fmt: skip
    tokenizer = bundle.tokenizer
    if tokenizer is not None and facts.get("tokenizer") not in (None, tokenizer.digest):
        raise DataError(f"{path} was made with another tokenizer than the model's",
                        "give shards made with the model's tokenizer: --shards DIR")  # fmt: skip
    return path


def stem(model: Path | str) -> str:
    """The model's name for a default output: runs/gpt -> gpt, teacher.pt -> teacher."""
    path = Path(model)
    return (path.stem if path.suffix == ".pt" else path.resolve().name) or "model"


def open_gpt(model: Path | str) -> tuple[Bundle, Arch]:
    """The model at `model` and its sizes. Raises ConfigError for a family that cannot be compressed yet."""
    bundle = Bundle.open(model)
    if bundle.family.name != "gpt":
        raise ConfigError(f"{model} is a {bundle.family.name}", "compression is written for gpt")
    return bundle, Arch.from_hf(bundle.hf_config)
