"""Sections of the report: one file a kind of stage, one line in SECTIONS a stage.

A section's module has `one(node, options) -> Html` and, where several runs share a picture, `together(nodes, options)`.
"""

from __future__ import annotations

SECTIONS: dict[str, str] = {
    "collect": "collected",
    "clean": "documents",
    "tokenize": "tokens",
    "train": "training",
    "distill": "training",
    "quantize": "compression",
    "export": "compression",
    "eval": "measured",
    "generate": "texts",
    "filter": "filtered",
    "correct": "corrected",
    "attention": "attention",
}

EXPLAINED: dict[str, str] = {
    "collect": "Files of any kind become documents: plain text with a source and a licence.",
    "clean": "Documents are repaired, filtered and compared. What is left is what the model learns from.",
    "label": "Documents get labels, with the confidence of each.",
    "tokenize": "Text becomes numbers; a token is a piece of a word. More bytes per token mean less work.",
    "train": "The model learns to predict the next token. The loss is how surprised it is: lower is better.",
    "distill": "A small model (the student) learns to give the answers of a larger one (the teacher).",
    "prune": "Parts of the model that matter least are removed.",
    "quantize": "Weights are stored with fewer bits. The table shows what that saves and what it costs.",
    "export": "The model is written in a format that other programs run.",
    "eval": "The model is measured on text that it has not seen.",
    "generate": "The model writes.",
    "filter": "Written texts are checked one by one. A text goes at the first rule that it breaks.",
    "correct": "Spelling and punctuation are put right. Red is what stood there, green what stands there now.",
    "attention": "A model reads a text. Each head of each layer looks from every token at others, more or less.",
}
