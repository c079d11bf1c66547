"""The commands in pipeline order. Nothing of a stage is imported before its command runs."""

from __future__ import annotations

import difflib
import re
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aigc_cli.core.errors import EXIT_INTERRUPTED, AigcError, did_you_mean

if TYPE_CHECKING:
    import typer


@dataclass(frozen=True)
class Stage:
    """One command: its name, the group it stands in, one line of help, and where its Typer app is."""

    name: str
    group: str
    help: str
    target: str  # "module:attribute"


STAGES = (
    Stage("collect", "Data", "Read files of any kind into document shards.", "aigc_cli.collect.command:app"),
    Stage("clean", "Data", "Repair, filter, redact and deduplicate documents.", "aigc_cli.clean.command:app"),
    Stage("tokenize", "Data", "Train a tokenizer and pack documents into records.", "aigc_cli.tokenize.command:app"),
    Stage("train", "Models", "Train a model: train gpt.", "aigc_cli.train.command:app"),
    Stage(
        "distill", "Models", "Teach a smaller model what a larger one knows.", "aigc_cli.compress.command:distill_app"
    ),
    Stage("quantize", "Models", "Make a model small: int8 ONNX, measured.", "aigc_cli.compress.command:quantize_app"),
    Stage(
        "export",
        "Models",
        "Write a model as ONNX, Hugging Face directory or .pt.",
        "aigc_cli.compress.command:export_app",
    ),
    Stage("eval", "Models", "Perplexity and bits per byte of a model.", "aigc_cli.evaluate.command:app"),
    Stage("generate", "Use", "Write text with a model.", "aigc_cli.generate.command:app"),
    Stage("postprocess", "Use", "Filter and correct generated text.", "aigc_cli.postprocess.command:app"),
    Stage("explain", "Use", "What a model knows and where it looks.", "aigc_cli.explain.command:app"),
    Stage("report", "Use", "One HTML page about a run and all it came from.", "aigc_cli.report.command:app"),
    Stage("lineage", "Use", "From a result back to every raw file and its licence.", "aigc_cli.lineage.command:app"),
    Stage("doctor", "Use", "What this machine and installation can do.", "aigc_cli.doctor.command:app"),
)

_USAGE = """\
Usage: aigc COMMAND [ARGUMENTS] [OPTIONS]

From a folder of raw files to a compressed, exported, measured model.
"""

_ENDING = """
Every command takes -o DIR, --config FILE.yaml, --seed, --force, --dry-run, --json, -q, -v.

Examples:
  aigc clean raw/ -o shards/
  aigc train gpt --shards shards/
  aigc generate --top-p 0.9 --prompt "Once upon a time"

`aigc COMMAND --help` explains a command; `aigc --version` prints the version.
"""


def commands(stage: Stage) -> list[list[str]]:
    """The stage as a command line, and those of its subcommands (imports its options)."""
    module, attribute = stage.target.split(":")
    app = getattr(import_module(module), attribute)
    found = app.registered_commands
    single = len(found) == 1 and app.registered_callback is None  # Typer makes no group of it
    return [[stage.name], *([stage.name, str(command.name)] for command in found if not single)]


def root_help() -> str:
    """The text of `aigc --help`, made from the table alone."""
    lines = [_USAGE]
    for group in dict.fromkeys(stage.group for stage in STAGES):
        lines.append(f"{group}:")
        lines += [f"  {stage.name:<12} {stage.help}" for stage in STAGES if stage.group == group]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n" + _ENDING


def build() -> typer.core.TyperGroup:
    """The root command with a stand-in for each stage, which imports the stage when it is called."""
    from typer.core import TyperCommand, TyperGroup
    from typer.main import get_command

    class LazyCommand(TyperCommand):
        def __init__(self, stage: Stage) -> None:
            super().__init__(name=stage.name, help=stage.help, callback=None)
            self.target = stage.target

        def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
            module, attribute = self.target.split(":")
            real = get_command(getattr(import_module(module), attribute))
            return real.make_context(info_name, args, parent=parent, **extra)

    class Root(TyperGroup):
        def format_help(self, ctx: Any, formatter: Any) -> None:
            formatter.write(root_help())

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            if args and not args[0].startswith("-") and args[0] not in self.commands:
                from aigc_cli.core.errors import ConfigError

                raise ConfigError(f"there is no command '{args[0]}'", did_you_mean(args[0], self.commands))
            return super().resolve_command(ctx, args)

    return Root(name="aigc", commands={stage.name: LazyCommand(stage) for stage in STAGES})


def main(argv: list[str] | None = None) -> int:
    """Run a command line; gives the exit code."""
    args = sys.argv[1:] if argv is None else argv
    if args in ([], ["--help"], ["-h"], ["help"]):
        print(root_help(), end="")
        return 0
    if args == ["--version"]:
        from aigc_cli import __version__

        print(f"aigc {__version__}")
        return 0
    try:
        return _guarded(args)
    finally:
        from aigc_cli.core import console

        console.setup()  # -q is this command's, not that of what the process does next


def _guarded(args: list[str]) -> int:
    """Run the command and turn every way it can end into an exit code and at most two lines."""
    import errno
    import os
    import signal

    import typer

    # How long libgomp's threads spin before they sleep; to be set before torch is imported. Measured on two cores:
    # the default gives 10,300 training tokens/s alone but 900 beside another job, 0 gives 6,900 and 5,100, this 9,100
    # and 3,000.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    usage_error: Any = typer.BadParameter.__mro__[1]  # the public child names the vendored parent
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = build().main(args, prog_name="aigc", standalone_mode=False, auto_envvar_prefix="AIGC")
        sys.stdout.flush()
        if code == EXIT_INTERRUPTED:  # Typer has turned Ctrl-C into this
            return _report("interrupted", "the same command continues the work", EXIT_INTERRUPTED)
        return code if isinstance(code, int) else 0
    except AigcError as error:
        return _report(error.message, error.hint, error.exit_code)
    except usage_error as error:
        return _report(*_usage(error), 2)
    except typer.Exit as ending:
        return ending.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _report("interrupted", "the same command continues the work", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our stdout has gone (| head): not a failure; keep Python's own flush at exit quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _report("the disk is full", "free some space and run the same command again: it continues", 1)
        return _bug(error)
    except MemoryError:
        return _report("there is not enough memory", "use fewer --workers or a smaller batch", 1)
    except Exception as error:
        return _bug(error)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _usage(error: Any) -> tuple[str, str]:
    """Fact and remedy of a wrong command line; Typer puts its suggestions behind the fact."""
    message = error.format_message().replace("Value error, ", "")
    suggested = re.search(r" \(Possible options: (.*?)\)| Did you mean (.*?)\?", message)
    fact = message[: suggested.start()] if suggested else message
    fact = fact[:1].lower() + fact[1:].rstrip(".")
    if suggested:
        names = (suggested.group(1) or suggested.group(2)).split(", ")
        return fact, f"did you mean {difflib.get_close_matches(fact.split()[-1], names, n=1, cutoff=0)[0]}?"
    command = error.ctx.command_path if error.ctx is not None else "aigc"
    if fact == "missing command":
        return f"{command} needs a command", "choose from: " + ", ".join(sorted(error.ctx.command.commands))
    return fact, f"{command} --help"


def _report(message: str, hint: str, code: int) -> int:
    from aigc_cli.core import console

    sys.stdout.flush()
    if console.debugging() and sys.exc_info()[0] is not None:
        import traceback

        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)
    return code


def _bug(error: Exception) -> int:
    import traceback

    traceback.print_exc()
    name = type(error).__name__
    return _report(f"this is a bug in aigc ({name}: {error})", "please report it with the lines above", 1)


def run() -> None:
    """Entry point of the console script."""
    import os

    # How long a thread of torch's waits for the others by counting before it sleeps. GNU's default, milliseconds,
    # makes training four times slower beside other work; with this it takes its share, and alone it is as fast.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    sys.exit(main())
