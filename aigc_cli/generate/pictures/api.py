"""Drawing as a stage: a model in, pictures out."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError, DataError, did_you_mean
from aigc_cli.core.files import atomic_write
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.pictures import pixels
from aigc_cli.core.run import Run
from aigc_cli.generate.options import DrawOptions, GenerateOptions
from aigc_cli.generate.pictures.decode import decoder
from aigc_cli.generate.pictures.denoise import PIXEL_SCALE, Drawing, Network, frames_of, states, to_bytes
from aigc_cli.generate.pictures.grid import grid, picture, save_film
from aigc_cli.generate.samplers import SAMPLERS
from aigc_cli.models.bundle import Bundle

VERSION = 1
BATCH = 64  # pictures drawn side by side
SHOWN, FRAMES = 64, 12  # pictures of the grid, and of each frame; frames of the film


def draw(bundle: Bundle, options: GenerateOptions, drawing: DrawOptions, common: Common) -> console.Result:
    """options.n pictures in DIR (00000.png ..., grid.png, pictures.jsonl, with --film process.gif) with a manifest.

    Picture i of a seed is the same however many are drawn. ConfigError for a class that the model does not know.
    """
    config, decodes = bundle.config, bundle.family.name == "vae"
    _refuse_idle(bundle, options, drawing, decodes)
    labels = [_class(label, config.labels) for label in drawing.label] or list(range(len(config.labels)))
    start = None if drawing.start is None else _start(drawing.start, config)
    evaluations = 1 if decodes else _evaluations(drawing, bool(config.labels))
    if common.dry_run:
        line = f"would draw {options.n} pictures with {bundle.describe()}, {evaluations} evaluations each"
        return console.Result("generate", None, {}, [line])
    inputs: list[Path | dict[str, Any]] = [bundle.path]
    if drawing.start is not None:
        inputs.append({"file": str(drawing.start), "bytes": drawing.start.stat().st_size})
    values = {**resolved(drawing), "n": options.n, "seed": common.seed}
    with Run(common.output, stage="generate", version=VERSION, options=values, inputs=inputs, default="pictures",
             common=common) as run:  # fmt: skip
        if run.up_to_date:
            return run.result()
        how = Drawing(drawing.sampler, drawing.steps, drawing.guidance, common.seed, True, drawing.strength)
        if decodes:
            make = decoder(bundle, common.seed, options.device)
        else:
            network = open_network(bundle, options.device, options.dtype)

            def make(numbers: range, classes: np.ndarray | None, frames: int) -> list[np.ndarray]:
                way = states(network, config, how, numbers, classes, None if start is None else start[None])
                return frames_of(way, frames, _steps(drawing))

        records: list[dict[str, Any]] = []
        first: list[np.ndarray] = []
        film: list[np.ndarray] = []
        with console.progress("draw", options.n, "pictures") as bar:
            for begin in range(0, options.n, BATCH):
                numbers = range(begin, min(options.n, begin + BATCH))
                classes = np.array([labels[i % len(labels)] for i in numbers]) if labels else None
                frames = make(numbers, classes, FRAMES if drawing.film and not begin else 1)
                drawn = to_bytes(frames[-1])
                first += list(drawn[: max(0, SHOWN - len(first))])
                film = [to_bytes(x[:SHOWN]) for x in frames] if not begin and drawing.film else film
                for number, one in zip(numbers, drawn, strict=True):
                    name = f"{number:05d}.png"
                    buffer = io.BytesIO()
                    picture(one).save(buffer, "PNG")
                    atomic_write(run.dir / name, buffer.getvalue())
                    label = None if classes is None else config.labels[classes[number - begin]]
                    records.append({"file": name, "label": label, "seed": common.seed, "number": number})
                bar.advance(len(numbers))
        sheet = io.BytesIO()
        grid(np.stack(first)).save(sheet, "PNG")
        atomic_write(run.dir / "grid.png", sheet.getvalue())
        if film:
            save_film(film, run.dir / "process.gif")
        atomic_write(run.dir / "pictures.jsonl", "".join(json.dumps(record) + "\n" for record in records))
        lines = [f"{run.path}: {options.n} pictures of {config.size} x {config.size} by {bundle.describe()}"]
        facts = {"modality": "image", "evaluations": evaluations}
        return run.publish(counts={"pictures": options.n}, facts=facts, lines=lines)


def _refuse_idle(bundle: Bundle, options: GenerateOptions, drawing: DrawOptions, decodes: bool) -> None:
    """Raises ConfigError for options of text, and of samplers where there is only one step."""
    usual = GenerateOptions()
    for name, value in vars(options).items():
        if name not in ("n", "device", "dtype") and value != getattr(usual, name):
            raise ConfigError(
                f"{bundle.path} draws pictures: --{name.replace('_', '-')} says nothing there", "leave it out"
            )
    for name in ("sampler", "steps", "guidance", "start", "strength") if decodes else ():
        if getattr(drawing, name) != getattr(DrawOptions(), name):
            raise ConfigError(f"{bundle.path} draws in one step: --{name} says nothing there", "leave it out")


def _evaluations(drawing: DrawOptions, has_classes: bool) -> int:
    """Of the network, for a picture: guidance takes two; a step of two stages saves one at the end."""
    each = SAMPLERS[drawing.sampler]
    return (_steps(drawing) * each - (each - 1)) * (2 if drawing.guidance != 1 and has_classes else 1)


def _steps(drawing: DrawOptions) -> int:
    """States that the sampler gives."""
    return drawing.steps if drawing.start is None else max(1, round(drawing.strength * drawing.steps))


def open_network(bundle: Bundle, device: str = "auto", dtype: str = "auto") -> Network:
    """The model as samplers take it: numpy arrays in and out, torch in between."""
    import torch

    from aigc_cli.core.device import resolve

    place, kind = resolve(device, dtype)
    if dtype == "auto" and place.type == "cpu":
        kind = torch.float32
    model: Any = bundle.model(place).eval()
    model.compute_dtype = None if kind == torch.float32 else kind

    def run(x: np.ndarray, t: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
        with torch.inference_mode():
            given = [torch.from_numpy(np.ascontiguousarray(part)).to(place) for part in (x, t)]
            known = None if classes is None else torch.from_numpy(classes).long().to(place)
            return model(*given, known).float().cpu().numpy()

    return run


def _class(label: str, labels: Sequence[str]) -> int:
    if not labels:
        raise ConfigError("the model knows no classes", "drop --label")
    if label not in labels:
        raise ConfigError(f"the model knows no class '{label}'", did_you_mean(label, labels))
    return labels.index(label)


def _start(path: Path, config: Any) -> np.ndarray:
    """The picture to begin with, float32 [C, H, W] in [-1, 1]."""
    try:
        found = pixels(path.read_bytes(), config.size, config.n_channel, "crop")
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}", "check --start") from error
    except Exception as error:  # damage shows itself in many ways, by the decoder
        raise DataError(f"{path} is no picture that can be read: {error}", "give a PNG, JPEG, WebP or BMP") from error
    return found.astype(np.float32) / PIXEL_SCALE - 1
