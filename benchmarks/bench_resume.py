"""Memory of training, and what a checkpoint and a resume cost, for each text family.

    python benchmarks/bench_resume.py [--quick] [--data FILE] [--only NAME ...]

Each command is started (without torch.compile), killed (SIGKILL) when its second checkpoint is on disk, and started
again; the time to its first step counts from the command, both times. Writing and reading a checkpoint are timed in
this process with the same model (median of five; written means synced). Memory is anonymous memory at its highest, of
the command with its workers. Prints the table of docs/train.md and writes results/resume.json.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from bench_memory import Watch
from side_by_side import DATA, ROOT, machine, save

from aigc_cli.core import console
from aigc_cli.core.device import resolve, threads
from aigc_cli.core.options import Common
from aigc_cli.models import FAMILIES
from aigc_cli.models.bundle import save_bundle
from aigc_cli.tokenize.api import tokenize
from aigc_cli.tokenize.options import TokenizeOptions
from aigc_cli.train.checkpoint import load_checkpoint, save_checkpoint
from aigc_cli.train.job import Job
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.stepper import Stepper
from aigc_cli.train.tasks.options import BertRules, Seq2seqRules, XlnetRules
from aigc_cli.train.tokens import Tokens, open_tokens

# name: family, depth, its own options
MODELS: dict[str, tuple[str, int, Any]] = {
    "gpt, depth 4": ("gpt", 4, None), "gpt, depth 8": ("gpt", 8, None), "gpt, depth 12": ("gpt", 12, None),
    "bert, depth 4": ("bert", 4, BertRules()), "xlnet, depth 4": ("xlnet", 4, XlnetRules()),
    "seq2seq, depth 4": ("seq2seq", 4, Seq2seqRules()),
}  # fmt: skip
REPEATS, LENGTH, PATIENCE_S = 5, 256, 120


def in_process(family: str, depth: int, rules: Any, tokens: Tokens, folder: Path) -> dict[str, Any]:
    """Parameters, seconds of a step, of writing and of reading a checkpoint, and its size."""
    device, dtype = resolve("cpu", "auto")
    chosen, options = FAMILIES[family], TrainOptions(steps=1, sample_tokens=0)
    task = chosen.trainer()
    config = task.configure(chosen.shape()(depth=depth), tokens, rules, None)
    work = task.prepare(Job(chosen, config, tokens, options, device, dtype, 0, rules))
    stepper = Stepper(
        work.objective, work.data, options, device=device, dtype=dtype, seed=0, width=config.n_embd
    )  # fmt: skip

    def bundle(directory: Path) -> None:
        save_bundle(directory, chosen, config, work.model.state_dict(), tokens.tokenizer, "")

    times: dict[str, list[float]] = {"step_s": [], "write_s": [], "read_s": []}
    for step in range(REPEATS + 2):
        marks = [time.perf_counter()]
        float(next(iter(stepper.step(step, 1 << 40).values())))
        marks.append(time.perf_counter())
        path = save_checkpoint(folder, 1, stepper.state(), bundle)
        marks.append(time.perf_counter())
        state = load_checkpoint(folder)
        assert state is not None
        stepper.load_state(state)
        marks.append(time.perf_counter())
        for name, start, end in zip(times, marks, marks[1:], strict=False):
            times[name].append(end - start)
    size = sum(file.stat().st_size for file in path.iterdir())
    medians = {name: round(statistics.median(values[2:]), 4) for name, values in times.items()}
    return {
        "parameters": config.parameters(), "tokens_per_step": work.data.tokens_per_step, **medians,
        "checkpoint_mb": round(size / 1e6, 1), "percent_of_a_minute": round(medians["write_s"] / 0.6, 2),
    }  # fmt: skip


def started(command: list[str], run: Path, after: int) -> tuple[subprocess.Popen[bytes], float]:
    """A command, and the seconds until metrics.jsonl has a step above `after`."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    while time.perf_counter() - start < PATIENCE_S:
        if process.poll() is not None or last_step(run) > after:
            break
        time.sleep(0.01)
    return process, time.perf_counter() - start


def last_step(run: Path) -> int:
    """The newest step of metrics.jsonl in a run that is not published yet; -1 without one."""
    files = [file for file in run.parent.glob(f"*{run.name}*/metrics.jsonl")]
    lines = files[0].read_text().splitlines() if files else []
    with contextlib.suppress(ValueError):
        return int(json.loads(lines[-1])["step"]) if lines else -1
    return -1


def as_command(family: str, depth: int, tokens: Path, folder: Path) -> dict[str, Any]:
    """Seconds to the first step, fresh and resumed, and memory."""
    run = folder / "run"
    command = [sys.executable, "-m", "aigc_cli", "train", family, "--shards", str(tokens), "--depth", str(depth)]
    command += [
        "--steps",
        "100000",
        "--evals",
        "0",
        "--checkpoint-s",
        "2",
        "--log-every",
        "1",
        "--quiet",
        "--compile",
        "off",
    ]
    command += ["-o", str(run)]
    process, fresh_s = started(command, run, 0)
    watch = Watch(process.pid)
    end = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < end:
        if len([p for p in folder.glob("*run*/checkpoints/step-*") if p.suffix != ".tmp"]) >= 2 and last_step(run) > 5:
            time.sleep(1.0)
            break
        time.sleep(0.05)
    watch.close()
    process.kill()
    if process.wait() != -9:
        raise SystemExit(f"{' '.join(command)} ended by itself")
    process, resumed_s = started(command, run, last_step(run))
    process.kill()
    process.wait()
    peak = round(max(watch.samples) / 1e6)
    return {"fresh_s": round(fresh_s, 2), "resumed_s": round(resumed_s, 2), "peak_anonymous_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="gpt of depth 4 alone, the sample text; writes nothing")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(MODELS), default=list(MODELS))
    given = parser.parse_args()
    console.setup(quiet=True)
    file = given.data or (
        ROOT / "sample_data/text/en/stories.jsonl" if given.quick else DATA / "text/tinyshakespeare.txt.gz"
    )
    if not file.is_file():
        raise SystemExit(f"there is no {file}; give the text with --data FILE")
    torch.set_num_threads(threads())
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        Path(f"text{'.jsonl' if '.jsonl' in file.name else '.txt'}").write_bytes(raw)
        options = TokenizeOptions(length=LENGTH, val_fraction=0.1)
        tokenize([next(Path().glob("text*"))], options, Common(output=Path("tokens"), quiet=True))
        for label in list(MODELS)[:1] if given.quick else given.only:
            family, depth, rules = MODELS[label]
            folder = Path(label.replace(", ", "-").replace(" ", "-")).absolute()
            folder.mkdir()
            found = in_process(family, depth, rules, open_tokens(Path("tokens")), folder / "here")
            rows[label] = {**found, **as_command(family, depth, Path("tokens").absolute(), folder)}
            print(label, rows[label], flush=True)
    columns = ["model", *next(iter(rows.values()))]
    print(console.table("training", columns, [[label, *row.values()] for label, row in rows.items()]))
    if not given.quick:
        save("resume", {"data": file.name, "threads": threads(), "after": machine(), "models": rows})


if __name__ == "__main__":
    main()
