"""The command line: help without heavy imports, typo hints, exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aigc_cli.cli import STAGES, commands, main
from aigc_cli.core import console

HEAVY = (
    "torch",
    "numpy",
    "pyarrow",
    "datasets",
    "onnx",
    "onnxruntime",
    "transformers",
    "numba",
    "sentencepiece",
    "PIL",
)
COMMANDS = [command for stage in STAGES for command in commands(stage)]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_imports_nothing_heavy(command):
    code = (
        "import sys\nfrom aigc_cli.cli import main\n"
        f"code = main({[*command, '--help']!r})\n"
        f"loaded = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "print('LOADED', loaded, 'CODE', code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "LOADED [] CODE 0" in done.stdout, done.stdout + done.stderr
    assert "--help" in done.stdout


def test_root_help_imports_neither_typer_nor_rich():
    code = (
        "import sys\nfrom aigc_cli.cli import main\nmain([])\nprint([m for m in ('typer', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("[]\n")
    assert all(stage.name in done.stdout and stage.help in done.stdout for stage in STAGES)


def test_a_typo_names_the_nearest_command(capsys):
    assert main(["clen"]) == 2
    assert capsys.readouterr().err == "error: there is no command 'clen'\nhint: did you mean 'clean'?\n"


def test_a_typo_names_the_nearest_option(capsys):
    assert main(["lineage", "x", "--jsn"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no such option: --jsn\nhint: did you mean --json?")
    assert len(error.splitlines()) == 2


def test_lineage_of_nothing_is_a_data_error(capsys, tmp_path):
    assert main(["lineage", str(tmp_path)]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("aigc ")


def test_quiet_ends_with_the_command(here, capsys):
    (here / "raw.txt").write_text("A line of text that is long enough to stay where it is.")
    assert main(["collect", "raw.txt", "-o", "docs", "-q"]) == 0
    console.say("heard")
    assert capsys.readouterr().err == "heard\n"
