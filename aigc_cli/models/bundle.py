"""A trained model on disk: open any of its forms, save one, pack one into a single file (no torch at import).

A Bundle directory is a Hugging Face checkpoint (config.json, model.safetensors, tokenizer files, README.md);
a `.pt` file holds the same in one torch.save dictionary. Neither is ever unpickled freely.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.manifest import read_manifest
from aigc_cli.models import FAMILIES, Family, family_of
from aigc_cli.models.packed import pack_pt, read_pt, read_pt_config

if TYPE_CHECKING:
    import torch
    from torch import nn

    from aigc_cli.models.tokenizer import Tokenizer

__all__ = ["KINDS", "Bundle", "pack_pt", "save_bundle"]

KINDS = {
    "run": "run directory",
    "pt": ".pt file",
    "hf": "Hugging Face directory",
    "onnx": "ONNX directory",
}
WEIGHTS = "model.safetensors"
AGAIN = "write or download the model again"
OTHER_CONFIG = "its config.json is another model's"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model")


class Bundle:
    """A model on disk. `path`, `kind` (see KINDS), `config`, `manifest`, `family` cost no torch import."""

    def __init__(self, path: Path, kind: str, hf_config: dict[str, Any], manifest: dict[str, Any] | None) -> None:
        self.path, self.kind, self.hf_config, self.manifest = path, kind, hf_config, manifest
        model_type = str(hf_config.get("model_type"))
        family = family_of(model_type)
        if family is None:
            known = ", ".join(f.model_type for f in FAMILIES.values())
            raise DataError(f"{path} holds a model of type '{model_type}'", f"aigc knows: {known}")
        self.family: Family = family
        self.config: Any = family.hf().from_hf_config(hf_config)
        # Before anything of that size is allocated: no format stores a parameter in less than half a byte.
        parameters, stored = self.config.parameters(), _stored_bytes(path)
        if parameters > 2 * stored:
            fact = f"{path}: config.json says {parameters:.3g} parameters, {stored} bytes are stored"
            raise DataError(fact, f"a file is cut short, or {OTHER_CONFIG}")

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """The model at `path`: a run directory, .pt file, Hugging Face directory or ONNX directory.

        Raises ConfigError when there is nothing, DataError when it is no model or a damaged one.
        """
        path = Path(path)
        if path.is_dir():
            return cls._open_dir(path)
        if not path.exists():
            remedy = "name a run directory, a .pt file or a Hugging Face directory"
            raise ConfigError(f"there is no model {path}", remedy)
        return cls(path, "pt", read_pt_config(path), read_manifest(path))

    @classmethod
    def _open_dir(cls, path: Path) -> Bundle:
        if not (path / "config.json").is_file():
            raise DataError(f"{path} holds no config.json, so it is no model", _hint_for(path))
        manifest = read_manifest(path)
        if any(path.glob("*.onnx")):
            kind = "onnx"
        else:
            kind = "hf" if manifest is None else "run"
            if not (path / WEIGHTS).is_file() and not (path / f"{WEIGHTS}.index.json").is_file():
                raise DataError(f"{path} holds no {WEIGHTS}", "aigc reads safetensors, never pickled weights")
        return cls(path, kind, _read_json(path / "config.json"), manifest)

    @functools.cached_property
    def tokenizer(self) -> Tokenizer | None:
        """The model's tokenizer, or None when it has none."""
        from aigc_cli.models.tokenizer import Tokenizer

        if self.kind == "pt":
            import tempfile

            files = read_pt(self.path)["tokenizer"]
            if not files:
                return None
            with tempfile.TemporaryDirectory() as folder:
                for name, content in files.items():
                    (Path(folder) / Path(name).name).write_bytes(content)
                return Tokenizer.load(Path(folder))
        return Tokenizer.load(self.path) if any((self.path / n).is_file() for n in TOKENIZER_FILES) else None

    def weights(self) -> dict[str, torch.Tensor]:
        """All parameters by their public names, on the CPU, in the stored dtype; a tied head is left out.

        Raises DataError for weights that are damaged or not those of config.json.
        """
        if self.kind == "onnx":
            raise ConfigError(f"{self.path} is an ONNX directory", "give the model it was exported from")
        wanted = self.family.build_empty(self.config).state_dict()
        copies = getattr(self.family.hf(), "COPIES", {})
        return _fitting(_without_copies(self._stored(), copies), wanted, str(self.path))

    def _stored(self) -> dict[str, torch.Tensor]:
        if self.kind == "pt":
            return read_pt(self.path)["weights"]
        index = self.path / f"{WEIGHTS}.index.json"
        names = [WEIGHTS]
        if index.is_file():
            weight_map = _read_json(index).get("weight_map")
            if not isinstance(weight_map, dict):
                raise DataError(f"{index} has no weight_map", AGAIN)
            names = sorted(set(map(str, weight_map.values())))
        weights: dict[str, torch.Tensor] = {}
        for name in names:
            weights.update(_load_safetensors(self.path / Path(name).name))
        return weights

    def model(self, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> nn.Module:
        """The network with its weights, in eval mode; dtype None keeps float32."""
        import torch

        model = self.family.build_empty(self.config)
        model.load_state_dict(self.weights())
        return model.to(device=device, dtype=dtype or torch.float32).eval()

    def require(self, task: str, what: str) -> Bundle:
        """This model; ConfigError when its family is not made for `task`, which users know as `what`."""
        if task not in self.family.tasks:
            able = ", ".join(f.name for f in FAMILIES.values() if task in f.tasks)
            raise ConfigError(f"{self.path} is a {self.family.name}: {what} is not for it", f"name a {able}")
        return self

    def describe(self) -> str:
        """One line: what was found.

        e.g. "runs/gpt: run directory, gpt, 1.8 M parameters"
        """
        millions = self.config.parameters() / 1e6
        return f"{self.path}: {KINDS[self.kind]}, {self.family.name}, {millions:.3g} M parameters"


def _without_copies(weights: dict[str, torch.Tensor], copies: dict[str, str]) -> dict[str, torch.Tensor]:
    """`weights` without tensors that are stored again under another name; one that differs stays, to be refused."""
    found = dict(weights)
    for copy, name in copies.items():
        value = found.get(copy)
        if value is not None and (found.setdefault(name, value) is value or found[name].equal(value)):
            del found[copy]
    return found


def _fitting(weights: Any, wanted: dict[str, torch.Tensor], where: str) -> dict[str, torch.Tensor]:
    """`weights` without a tied head's copy; DataError naming what is missing, foreign or of another shape."""
    if "lm_head.weight" not in wanted:
        weights = {name: value for name, value in weights.items() if name != "lm_head.weight"}
    missing, foreign = wanted.keys() - weights.keys(), weights.keys() - wanted.keys()
    for words, names in (("lacks", missing), ("has unknown", foreign)):
        if names:
            some = ", ".join(sorted(map(str, names))[:3])
            raise DataError(f"{where} {words} {len(names)} weights: {some}", OTHER_CONFIG)
    for name, value in weights.items():
        if value.shape != wanted[name].shape:
            shapes = f"{tuple(value.shape)}, config.json says {tuple(wanted[name].shape)}"
            raise DataError(f"{where}: {name} has shape {shapes}", OTHER_CONFIG)
    return weights


def _stored_bytes(path: Path) -> int:
    """Size of everything in which a model at `path` may keep its weights."""
    files = [path] if path.is_file() else [p for p in path.iterdir() if ".safetensors" in p.name or ".onnx" in p.name]
    return sum(file.stat().st_size for file in files if file.is_file())


def save_bundle(
    directory: Path,
    family: Family | str,
    config: Any,
    state_dict: dict[str, torch.Tensor],
    tokenizer: Tokenizer | None,
    card: str,
) -> None:
    """Writes a Bundle into `directory` (made if absent): what transformers' from_pretrained opens.

    Equal arguments give equal bytes. `card` is the text of README.md.
    """
    from aigc_cli.core.files import atomic_write

    family = FAMILIES[family] if isinstance(family, str) else family
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    hf_config = family.hf().to_hf_config(config)
    special: dict[str, Any] = {}
    if tokenizer is not None:
        tokenizer.save(directory)
        special = {f"{name}_token_id": getattr(tokenizer, name) for name in ("bos", "eos", "pad")}
        special = {name: value for name, value in special.items() if value is not None}
    if "decoder_start_token_id" in hf_config:  # without it transformers' generate begins with bos
        special["decoder_start_token_id"] = hf_config["decoder_start_token_id"]
    weights = {name: value.detach().cpu().contiguous() for name, value in sorted(state_dict.items())}
    hf_config["dtype"] = str(next(iter(weights.values())).dtype).removeprefix("torch.")
    _save_safetensors(directory / WEIGHTS, weights)
    atomic_write(directory / "config.json", _dump({**hf_config, **special}))
    atomic_write(directory / "generation_config.json", _dump({"_from_model_config": True, **special}))
    atomic_write(directory / "README.md", card)


def _save_safetensors(path: Path, weights: dict[str, torch.Tensor]) -> None:
    """Straight from the tensors to the disk, without a copy in memory, whole or not at all."""
    import re

    from safetensors import SafetensorError
    from safetensors.torch import save_file

    from aigc_cli.core.files import atomic_path

    with atomic_path(path) as temporary:
        try:
            save_file(weights, temporary, metadata={"format": "pt"})
        except SafetensorError as error:  # it says the system's error as text
            number = re.search(r"os error (\d+)", str(error))
            raise (OSError(int(number[1]), str(error)) if number else error) from error


def _load_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is damaged: {error}", AGAIN) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}", AGAIN) from error
    if not isinstance(value, dict):
        raise DataError(f"{path} holds a {type(value).__name__}, not an object", AGAIN)
    return value


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _hint_for(path: Path) -> str:
    if path.name.endswith(".partial") or (path.parent / f"{path.name}.partial").is_dir():
        return "the run was not finished; start the same command again to resume it"
    return "train one with: aigc train gpt --shards SHARDS"
