"""Options of `aigc generate` (stdlib only)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aigc_cli.core.options import opt


@dataclass
class GenerateOptions:
    """Generation."""

    prompt: list[str] = opt([], "Text to continue; may be given several times.")
    prompts: Path | None = opt(None, 'File of prompts: one a line, or JSON lines {"prompt": ...}; - is stdin.')
    max_new_tokens: int = opt(200, "Longest continuation.", unit="tokens", min=1)
    n: int = opt(1, "Continuations of every prompt; with --beams the n best.", min=1)
    greedy: bool = opt(False, "Always the likeliest token.")
    temperature: float = opt(1.0, "Below 1 safer, above 1 wilder.", min=0)
    top_k: int | None = opt(None, "Sample from the k likeliest tokens.", min=1)
    top_p: float | None = opt(None, "Sample from the likeliest tokens that hold this probability.", min=0, max=1)
    min_p: float | None = opt(None, "Drop tokens less likely than this fraction of the likeliest.", min=0, max=1)
    repetition_penalty: float = opt(1.0, "Above 1: tokens that were there become less likely.")
    no_repeat_ngram: int = opt(0, "No n-gram of this length occurs twice; 0: off.", unit="tokens", min=0)
    beams: int = opt(1, "Beam search of this width; 1: off.", min=1)
    length_penalty: float = opt(1.0, "Beam scores are divided by length to this power; above 1 favours long texts.")
    stop: list[str] = opt([], "End before this text appears; may be given several times.")
    stream: bool = opt(True, "Show a single text while it is written.", affects_output=False)
    batch_size: int = opt(8, "Texts decoded side by side.", min=1, affects_output=False)
    device: str = opt("auto", "auto, cpu, cuda, cuda:1, mps.")
    dtype: str = opt("auto", "auto (float32; bfloat16 on a GPU), float32, bfloat16, float16.")

    def __post_init__(self) -> None:
        shaped = [name for name in ("top_k", "top_p", "min_p") if getattr(self, name) is not None]
        shaped += ["temperature"] if self.temperature != 1.0 else []
        flags = ", ".join("--" + name.replace("_", "-") for name in shaped)
        if self.temperature == 0:
            raise ValueError("--temperature is 0; for the likeliest token at every step use --greedy")
        if self.repetition_penalty <= 0:
            raise ValueError(f"--repetition-penalty is {self.repetition_penalty}; give a number above 0, e.g. 1.2")
        if self.top_p == 0:
            raise ValueError("--top-p is 0; for the likeliest token at every step use --greedy")
        if self.greedy and self.beams > 1:
            raise ValueError("--greedy and --beams exclude each other; drop one of them")
        for mode, on in (("--greedy", self.greedy), ("--beams", self.beams > 1)):
            if on and shaped:
                raise ValueError(f"{mode} does not sample, so {flags} would have no effect; drop one of them")
        if self.beams == 1 and self.length_penalty != 1.0:
            raise ValueError("--length-penalty needs beam search; add --beams 4")
        if self.greedy and self.n > 1:
            raise ValueError(f"--greedy gives {self.n} equal texts; drop --n or --greedy")
        if 1 < self.beams < self.n:
            raise ValueError(f"--beams {self.beams} cannot give {self.n} texts; use --beams {self.n} or more")
        if self.prompt and self.prompts is not None:
            raise ValueError("--prompt and --prompts exclude each other; put all prompts into the file")
        if "" in self.stop:
            raise ValueError("--stop is empty; give the text before which to end")


@dataclass
class DrawOptions:
    """Pictures."""

    label: list[str] = opt([], "Class of the pictures, by name; several are drawn in turns. Default: all in turns.")
    sampler: Literal["ab2", "euler", "heun", "dpmpp_2m", "ddim", "ddpm"] = opt("ab2", "How noise becomes a picture.")
    steps: int = opt(16, "Steps from noise to picture.", min=1, max=1000)
    guidance: float = opt(1.0, "Above 1: more like the class, less varied.", min=0, max=100)
    start: Path | None = opt(None, "Begin with this picture instead of noise.")
    strength: float = opt(0.6, "Share of the way that --start is sent back to noise.", min=0.01, max=1)
    film: bool = opt(False, "Also write process.gif: how the pictures came to be.")
