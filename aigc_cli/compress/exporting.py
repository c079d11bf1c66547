"""export: a trained model as ONNX, Hugging Face directory or one .pt file, compared with its source after writing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aigc_cli.compress.arch import Arch
from aigc_cli.compress.card import card, markdown_table
from aigc_cli.compress.options import ExportOptions
from aigc_cli.compress.sources import copy_tokenizer, numpy_weights, open_gpt, stem
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import AigcError, ConfigError
from aigc_cli.core.files import atomic_write
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.packed import pack_pt

VERSION = 1
TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")


def export(model: Path | str, options: ExportOptions | None = None, common: Common | None = None) -> Result:
    """Writes `model` in another format. Raises AigcError, and publishes nothing, when the copy differs from it."""
    options, common = options or ExportOptions(), common or Common()
    if options.to != "onnx" and not options.fuse:
        raise ConfigError(f"--no-fuse does not go with --to {options.to}", "it chooses the operators of an ONNX graph")
    bundle, arch = open_gpt(model)
    console.say(bundle.describe())
    output = _output(common.output, options.to, stem(model))
    if common.dry_run:
        return Result("export", output, lines=[f"would write {bundle.path} as {options.to}"])
    with Run(output, stage="export", version=VERSION, options=resolved(options), inputs=[bundle.path],
             default=f"{stem(model)}-{options.to}", common=common,
             pack=pack_pt if options.to == "pt" else None) as run:  # fmt: skip
        if run.up_to_date:
            return run.result()
        with discarded_on_refusal(run):
            write = _export_onnx if options.to == "onnx" else _export_bundle
            return write(run, bundle, arch, options)


@contextmanager
def discarded_on_refusal(run: Run) -> Iterator[None]:
    """Removes what was written when it is refused: there is nothing to continue, and other options may follow."""
    try:
        yield
    except AigcError:
        shutil.rmtree(run.dir, ignore_errors=True)
        raise


def _output(output: Path | None, to: str, name: str) -> Path | None:
    """--to pt makes a file, so its output ends in .pt; the other formats are directories."""
    if to == "pt":
        output = output or Path("runs") / f"{name}-pt.pt"
        return output if output.suffix == ".pt" else output.with_name(output.name + ".pt")
    if output is not None and output.suffix == ".pt":
        raise ConfigError(f"--to {to} writes a directory, not {output}", "give -o a directory name, or use --to pt")
    return output


def _export_onnx(run: Run, bundle: Bundle, arch: Arch, options: ExportOptions) -> Result:
    from aigc_cli.compress.onnx_file import write_onnx
    from aigc_cli.compress.onnx_graph import fused_graph
    from aigc_cli.compress.onnx_plain import plain_graph
    from aigc_cli.compress.onnx_run import Graph
    from aigc_cli.compress.parity import check_parity, worst

    weights = numpy_weights(bundle, arch)
    graph = fused_graph(arch, weights) if options.fuse else plain_graph(arch, weights)
    size = write_onnx(run.dir, graph, arch)
    nodes = len(graph.graph.node)
    del graph, weights
    rows = check_parity(Graph(run.dir, arch), reference(bundle, arch), options.tolerance)
    copy_tokenizer(bundle, run.dir)
    layout = "fused" if options.fuse else "plain"
    # The differences themselves vary with the instruction set and are circumstances (run.json), not payload.
    shapes = [{name: row[name] for name in ("batch", "sequence", "past")} for row in rows]
    checked = f"Logits agree with the model's within {options.tolerance:g} at these shapes:"
    body = ["## Checked", "", checked, "", *markdown_table(shapes)]
    atomic_write(run.dir / "README.md", card(f"{stem(bundle.path)}, ONNX ({layout})", bundle.path, arch, body))
    line = (f"{run.file or run.path}: ONNX, {layout}, {nodes} nodes, {console.human_bytes(size)}; "
            f"{len(rows)} shapes agree with the model within {worst(rows):.1e}")  # fmt: skip
    return run.publish(
        counts={"nodes": nodes, "parameters": bundle.config.parameters(), "bytes": size},
        facts={"export": {"to": "onnx", "layout": layout, "cases": len(rows), "tolerance": options.tolerance}},
        lines=[line], next=f"aigc generate {run.path} --prompt \"Once\"", times={"parity": rows},
    )  # fmt: skip


def reference(bundle: Bundle, arch: Arch) -> Any:
    """What an exported graph must agree with: the torch model, or for an ONNX directory its own graph."""
    from aigc_cli.compress.onnx_run import Graph
    from aigc_cli.compress.parity import torch_reference

    return Graph(bundle.path, arch).logits if bundle.kind == "onnx" else torch_reference(bundle.model())


def _export_bundle(run: Run, bundle: Bundle, arch: Arch, options: ExportOptions) -> Result:
    import torch

    from aigc_cli.models.bundle import save_bundle

    if bundle.kind == "onnx":
        weights = {name: torch.from_numpy(value.copy()) for name, value in numpy_weights(bundle, arch).items()}
    else:
        weights = bundle.weights()
        if arch.tied:
            weights.pop("lm_head.weight", None)  # a tied head is stored once
    text = card(stem(bundle.path), bundle.path, arch, [])
    save_bundle(run.dir, bundle.family, bundle.config, weights, None, text)
    copy_tokenizer(bundle, run.dir)
    _keep_token_ids(run.dir, bundle.hf_config)
    written = Bundle.open(run.dir).weights()
    for name, value in weights.items():
        if name not in written or not torch.equal(written[name], value):
            raise AigcError(f"{name} was not written as it is in {bundle.path}", "nothing was published; try again")
    form = "one file" if options.to == "pt" else "Hugging Face directory"
    line = f"{run.file or run.path}: {form}, {len(weights)} tensors, equal to the model's"
    return run.publish(
        counts={"tensors": len(weights), "parameters": bundle.config.parameters()},
        facts={"export": {"to": options.to}},
        lines=[line],
        next=f'aigc generate {run.file or run.path} --prompt "Once"',
    )


def _keep_token_ids(directory: Path, hf_config: dict[str, Any]) -> None:
    """The special tokens' ids stay what the source's config.json says."""
    ids = {name: hf_config[name] for name in TOKEN_IDS if hf_config.get(name) is not None}
    for name in ("config.json", "generation_config.json"):
        value = json.loads((directory / name).read_text(encoding="utf-8"))
        atomic_write(directory / name, json.dumps({**value, **ids}, indent=2, sort_keys=True) + "\n")
