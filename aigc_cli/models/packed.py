"""The one-file form of a Bundle: torch.save of plain values, read back with weights_only=True.

The zip also carries config.json and manifest.json as entries of their own, so both can be read without torch.
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import DataError

FORMAT = 1
MAX_CONFIG_BYTES = 16 << 20
FOLDER = "archive"  # what torch.save names the root of a zip that it writes into a buffer
NOT_TOKENIZER = {"config.json", "generation_config.json", "manifest.json", "run.json"}
REMEDY = "give a .pt file that aigc wrote; pickled models are never executed"


def pack_pt(directory: Path, file: Path) -> None:
    """Packs the Bundle `directory` into the one file `file`; the same Bundle gives the same bytes."""
    import torch

    from aigc_cli.core.files import atomic_write
    from aigc_cli.models.bundle import Bundle

    bundle = Bundle.open(directory)
    manifest = bundle.manifest or {}
    value = {
        "format": FORMAT,
        "family": bundle.family.name,
        "config": bundle.hf_config,
        "weights": bundle.weights(),
        "tokenizer": _tokenizer_files(Path(directory)),
        "manifest": manifest,
    }
    buffer = io.BytesIO()
    torch.save(value, buffer)
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, part in (("config", bundle.hf_config), ("manifest", manifest)):
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}.json", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, json.dumps(part, sort_keys=True))
    atomic_write(Path(file), buffer.getvalue())


def read_pt(path: Path) -> dict[str, Any]:
    """The dictionary in a .pt file. Nothing but tensors and plain values is ever constructed."""
    import torch

    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own text recommends to load it without the check
        raise DataError(
            f"{path} is no model file of aigc: it holds more than tensors and plain values", REMEDY
        ) from error
    except Exception as error:  # torch raises a dozen types here
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} is no model file of aigc: {reason}", REMEDY) from error
    kinds = {"format": int, "config": dict, "weights": dict, "tokenizer": dict}
    if not isinstance(value, dict) or any(type(value.get(key)) is not kind for key, kind in kinds.items()):
        raise DataError(f"{path} is no model file of aigc", REMEDY)
    if not all(isinstance(t, torch.Tensor) for t in value["weights"].values()) or not all(
        isinstance(content, bytes) for content in value["tokenizer"].values()
    ):
        raise DataError(f"{path} is no model file of aigc: its weights are no tensors", REMEDY)
    if value["format"] > FORMAT:
        raise DataError(f"{path} has format {value['format']}, aigc reads {FORMAT}", "install a newer one")
    return value


def read_pt_config(path: Path) -> dict[str, Any]:
    """config.json of a .pt file without importing torch."""
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(f"{FOLDER}/config.json")
            if entry.file_size > MAX_CONFIG_BYTES:
                raise ValueError(f"its config takes {entry.file_size} bytes")
            config = json.loads(archive.read(entry))
    except (OSError, KeyError, ValueError, RecursionError, NotImplementedError, zipfile.BadZipFile) as error:
        reason = error.args[0] if isinstance(error, KeyError) else error  # str(KeyError) is quoted
        raise DataError(f"{path} is no model file of aigc: {reason}", REMEDY) from error
    if not isinstance(config, dict):
        raise DataError(f"{path} is no model file of aigc: its config is no object", REMEDY)
    return config


def _tokenizer_files(directory: Path) -> dict[str, bytes]:
    """Every small file that belongs to the tokenizer, by name."""
    names = sorted(p.name for p in directory.iterdir() if p.is_file() and p.name not in NOT_TOKENIZER)
    others = ("special_tokens_map.json", "vocab.json", "merges.txt")
    wanted = [n for n in names if n.startswith("tokenizer") or n in others]
    return {name: (directory / name).read_bytes() for name in wanted}
