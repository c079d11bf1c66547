"""`aigc explain`: one subcommand per question that can be put to a model."""

from __future__ import annotations

from aigc_cli.core.command import new_app

app = new_app()

MODEL = "Run directory, .pt file or Hugging Face directory."


@app.callback()
def explain() -> None:
    """Look into a trained model: what it knows, and where it looks."""
