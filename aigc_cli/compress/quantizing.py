"""quantize: block-wise integer weights in ONNX, measured against fp32, refused when they cost too much."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from aigc_cli.compress.arch import Arch
from aigc_cli.compress.card import card, markdown_table
from aigc_cli.compress.exporting import discarded_on_refusal, reference
from aigc_cli.compress.measure import cache_kl, decode_rates, quality, row, sampled_windows, validation_windows
from aigc_cli.compress.onnx_file import write_onnx
from aigc_cli.compress.onnx_graph import BLOCK, fused_graph
from aigc_cli.compress.onnx_run import Graph
from aigc_cli.compress.options import QuantizeOptions
from aigc_cli.compress.parity import check_parity
from aigc_cli.compress.sources import copy_tokenizer, numpy_weights, open_gpt, stem, token_shards
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import AigcError
from aigc_cli.core.files import atomic_write
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.models.bundle import Bundle

VERSION = 1
SLOWER = 0.95  # of the fp32 speed: below it is told; less is noise of the measurement
CACHE_TOKENS = 32  # read singly, to see that the cache of the quantised graph works
FP32_TOLERANCE = 1e-4  # of the fp32 graph that everything is measured against


def quantize(model: Path | str, options: QuantizeOptions | None = None, common: Common | None = None) -> Result:
    """Writes `model` with int8 (or int4) weights and the table of what that costs and gives.

    Raises AigcError, and publishes nothing, when the KL from fp32 is above options.max_kl.
    """
    options, common = options or QuantizeOptions(), common or Common()
    bundle, arch = open_gpt(model)
    console.say(bundle.describe())
    shards = token_shards(bundle, options.shards)
    if common.dry_run:
        return Result("quantize", common.output, lines=[f"would quantise {bundle.path} to {options.to}"])
    inputs = [bundle.path, shards] if shards else [bundle.path]
    settings = {**resolved(options, common), "shards": None}  # their digest is among the inputs
    with Run(common.output, stage="quantize", version=VERSION, options=settings, inputs=inputs,
             default=f"{stem(model)}-{options.to}", common=common) as run:  # fmt: skip
        if run.up_to_date:
            return run.result()
        with discarded_on_refusal(run):
            return _quantize(run, bundle, arch, options, shards)


def _quantize(run: Run, bundle: Bundle, arch: Arch, options: QuantizeOptions, shards: Path | None) -> Result:
    bits = int(options.to.removeprefix("int"))
    weights = numpy_weights(bundle, arch)
    baseline = run.dir / "cache"
    baseline.mkdir(exist_ok=True)
    sizes = {"fp32": write_onnx(baseline, fused_graph(arch, weights), arch),
             options.to: write_onnx(run.dir, fused_graph(arch, weights, bits), arch)}  # fmt: skip
    del weights
    graphs = {"fp32": Graph(baseline, arch), options.to: Graph(run.dir, arch)}
    check_parity(graphs["fp32"], reference(bundle, arch), FP32_TOLERANCE)
    windows_NT, text = _windows(graphs["fp32"], arch, options, shards, run.common.seed)
    rows = [row(name, sizes[name], quality(windows_NT, graphs["fp32"], graph)) for name, graph in graphs.items()]
    kl = max(rows[1]["kl_nats"], cache_kl(graphs[options.to], windows_NT[0, :CACHE_TOKENS]))
    if not kl <= options.max_kl:  # also true for NaN
        raise AigcError(
            f"{options.to} moves the model by {kl:.3g} nats KL, more than {options.max_kl:g}",
            "nothing was published; allow it with --max-kl, or keep fp32: aigc export",
        )
    rates = decode_rates({"fp32": baseline, options.to: run.dir}, windows_NT[0])
    if rates and rates[options.to] < SLOWER * rates["fp32"]:
        console.warn(
            f"{options.to} decodes slower than fp32 here: {rates[options.to]:.0f} against {rates['fp32']:.0f} tokens/s"
        )
    shutil.rmtree(baseline)
    copy_tokenizer(bundle, run.dir)
    body = ["## Measured", "", *markdown_table(rows), f"On {windows_NT.size} tokens: {text}."]
    atomic_write(run.dir / "README.md", card(f"{stem(bundle.path)}, {options.to}", bundle.path, arch, body))
    return run.publish(
        counts={"parameters": bundle.config.parameters(), "bytes": sizes[options.to], "tokens": int(windows_NT.size)},
        facts={"compression": rows, "measured_on": text, "bits": bits, "block": BLOCK},
        lines=_lines(run.path, rows, rates, text), next=f"aigc generate {run.path} --prompt \"Once\"",
        times={"tokens_per_s": rates},
    )  # fmt: skip


def _windows(
    graph: Graph, arch: Arch, options: QuantizeOptions, shards: Path | None, seed: int
) -> tuple[np.ndarray, str]:
    """Token records to measure on, and where they are from."""
    length = min(options.window, arch.context)
    if shards is not None:
        windows_NT = validation_windows(shards, options.windows, length, arch.vocab)
        return windows_NT, f"{len(windows_NT)} validation records of {windows_NT.shape[1]} tokens"
    console.warn("the model's shards are not here: measured on text that it writes itself; --shards names others")
    return sampled_windows(graph, options.windows, length, seed), "text that the fp32 model writes itself"


def _lines(path: Path, rows: list[dict[str, Any]], rates: dict[str, float], text: str) -> list[str]:
    cells = []
    for entry in rows:
        rate = rates.get(entry["model"])
        cells.append([entry["model"], entry["bytes"] / 1e6, entry["perplexity"], entry["kl_nats"], entry["top1"],
                      rate if rate is None else round(rate), rate and rate / rates["fp32"]])  # fmt: skip
    columns = ["weights", "MB", "perplexity", "KL nats", "top-1", "tokens/s", "x fp32"]
    return [console.table(f"{path} ({text})", columns, cells)]
