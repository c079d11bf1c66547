"""Texts and images that a model made."""

from __future__ import annotations

import base64
from typing import Any

from aigc_cli.report.markup import Html, clip, counted, h, join, number, safe, tiles
from aigc_cli.report.nodes import Node
from aigc_cli.report.options import ReportOptions

MOST_IMAGE_BYTES = 300_000  # of one image; larger ones are left out of the page
TEXT_CHARS = 1500
SHOWN = ("model", "seed", "finish", "logprob", "strategy")


def one(node: Node, options: ReportOptions) -> Html:
    """Counts, then the first texts and images."""
    parts = [tiles(counted(node.counts))]
    for name in _files(node, ".jsonl"):
        parts += [text(record) for record in node.log(name, options.examples) if isinstance(record.get("text"), str)]
    parts.append(_images(node, options.examples * 3))
    return join(parts)


def text(record: dict[str, Any], body: Html | None = None, extra: list[Html] | None = None) -> Html:
    """A text after its prompt, with a foot of what else the record says."""
    prompt = record.get("prompt")
    shown = record["text"]
    if isinstance(prompt, str) and body is None and shown.startswith(prompt):
        shown = shown[len(prompt) :]
    foot = [safe(f"{name} {clip(number(record[name]), 60)}") for name in SHOWN if record.get(name) not in (None, "")]
    return h('<div class="text"><span class="prompt">{}</span>{}<footer>{}</footer></div>',
             clip(prompt, 300) if isinstance(prompt, str) else "", body or safe(clip(shown, TEXT_CHARS)),
             join([*(extra or []), *foot], " · "))  # fmt: skip


def _files(node: Node, suffix: str) -> list[str]:
    return [name for name in sorted(node.manifest.get("files", {})) if name.endswith(suffix)]


def _images(node: Node, most: int) -> Html:
    made = []
    for name in _files(node, ".png")[:most]:
        path = node.directory / name
        if not node.changed and path.is_file() and path.stat().st_size <= MOST_IMAGE_BYTES:
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            made.append(h(f'<img alt="{{0}}" title="{{0}}" src="data:image/png;base64,{data}">', name))
    return h('<div class="images">{}</div>', join(made)) if made else Html("")
