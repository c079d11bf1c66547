"""Write docs/commands.md from the commands themselves; --check fails when it is out of date."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from aigc_cli.cli import STAGES, commands, root_help

TARGET = Path(__file__).parent / "commands.md"


def help_text(*command: str) -> str:
    """What `aigc COMMAND --help` prints on a terminal of 100 columns."""
    env = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}
    arguments = [sys.executable, "-m", "aigc_cli", *command, "--help"]
    done = subprocess.run(arguments, capture_output=True, text=True, env=env, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def page() -> str:
    """The whole page."""
    parts = ["# Commands\n\nMade from the code by `make docs`; do not edit.\n", f"```\n{root_help().strip()}\n```\n"]
    for stage in STAGES:
        for command in commands(stage):
            parts.append(f"## aigc {' '.join(command)}\n\n```\n{help_text(*command)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
            sys.exit("docs/commands.md is out of date: make docs")
    else:
        TARGET.write_text(text, encoding="utf-8")
