"""Style: modern English to Shakespeare's with `train seq2seq --task pairs`, beside copying the source.

    python benchmarks/bench_seq2seq_pairs.py [--quick] [--data shared/data/style] [--minutes M] [--depth N] [--seeds N]

The model first learns for M minutes to copy (both sides of the training part as pairs of themselves, and the pairs),
then for M minutes from the training pairs alone. Greedy texts and beams of 4 for the whole validation part; BLEU by our
own function over words, and by sacrebleu on the same tokens in an environment of its own, which must agree. Prints
medians and writes benchmarks/results/seq2seq_pairs.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from side_by_side import DATA, HERE, machine, python_of, save

from aigc_cli.core import console
from aigc_cli.core.device import threads
from aigc_cli.core.options import Common
from aigc_cli.evaluate.translation import bleu, chrf, exact_match, words
from aigc_cli.generate.api import texts
from aigc_cli.generate.options import GenerateOptions
from aigc_cli.models.bundle import Bundle
from aigc_cli.models.seq2seq.config import Shape
from aigc_cli.train.api import train
from aigc_cli.train.options import TrainOptions
from aigc_cli.train.tasks.options import Seq2seqRules

Rows = list[tuple[str, str]]


def read(folder: Path, part: str, most: int | None) -> Rows:
    """(modern, original) lines of train or valid."""
    sides = []
    for side in ("modern", "original"):
        file = folder / f"shakespeare.{part}.{side}.txt"
        if not file.is_file():
            raise SystemExit(f"there is no {file}; give the directory with --data")
        sides.append([line.strip() for line in file.read_text(encoding="utf-8").splitlines()])
    return [pair for pair in zip(*sides, strict=True) if all(pair)][:most]


def write(file: Path, rows: Rows) -> None:
    """Pairs as JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"source": a, "target": b}, ensure_ascii=False) + "\n" for a, b in rows)
    file.write_text("".join(lines), encoding="utf-8")


def scores(found: list[str], wanted: list[str]) -> dict[str, float]:
    """Our numbers; SystemExit where sacrebleu has others on the same tokens."""
    values = {"bleu": bleu(found, wanted), "chrf": chrf(found, wanted), "exact_match": exact_match(found, wanted)}
    cut = [[" ".join(words(text)) for text in side] for side in (found, wanted)]
    command = [python_of("sacrebleu"), str(HERE / "peers/sacrebleu_score.py")]
    asked = json.dumps({"found": cut[0], "wanted": cut[1]})
    peer = json.loads(subprocess.run(command, input=asked, check=True, capture_output=True, text=True).stdout)
    ours = {"bleu": values["bleu"], "chrf": chrf(*cut)}
    if any(abs(ours[name] - peer[name]) > 1e-6 for name in ours):
        raise SystemExit(f"ours {ours} is not sacrebleu's {peer}")
    return {name: round(value, 3) for name, value in values.items()}


def one_seed(seed: int, shape: Shape, options: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """Copying, then style; the scores of the whole validation part."""
    start = time.perf_counter()
    common = {"seed": seed, "quiet": True}
    first = train(
        "seq2seq", ["copies"], shape, TrainOptions(**options), Common(output=Path(f"copy{seed}"), **common),
        Seq2seqRules(task="pairs", judged=0, dropout=0.0),
    ).path  # fmt: skip
    second = train(
        "seq2seq", ["style"], Shape(), TrainOptions(init_from=first, **options),
        Common(output=Path(f"style{seed}"), **common), Seq2seqRules(task="pairs", judged=0),
    )  # fmt: skip
    seconds = time.perf_counter() - start
    found: dict[str, Any] = {"seed": seed, "train_s": round(seconds, 1), "val_nats": second.manifest["facts"]["final"]}
    bundle = Bundle.open(second.path)  # type: ignore[arg-type]
    found["parameters"] = bundle.config.parameters()
    for name, chosen in (("greedy", {"greedy": True, "batch_size": 32}), ("beams_4", {"beams": 4})):
        records = texts(bundle, [source for source, _ in rows], GenerateOptions(max_new_tokens=100, **chosen))
        outputs = [record.get("text", "") for record in records]
        found[name] = scores(outputs, [target for _, target in rows])
        found[f"{name}_examples"] = [[source, text] for (source, _), text in zip(rows[:5], outputs, strict=False)]
    console.say(str({name: found[name] for name in ("seed", "greedy", "beams_4")}))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="30 steps a stage, one seed, 2000 pairs")
    parser.add_argument("--data", type=Path, default=DATA / "style")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    console.setup(quiet=not given.quick)
    pairs, held = (read(given.data, part, 2000 if given.quick else None) for part in ("train", "valid"))
    held = held[:50] if given.quick else held
    budget: dict[str, Any] = {"steps": 30} if given.quick else {"minutes": given.minutes}
    options = {**budget, "batch_size": 48, "evals": 4, "sample_tokens": 0}
    copied = scores([source for source, _ in held], [target for _, target in held])
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        same = [(text, text) for pair in pairs for text in pair]
        write(Path("copies/train.jsonl"), same + pairs)
        write(Path("copies/valid.jsonl"), [(source, source) for source, _ in held[:300]])
        write(Path("style/train.jsonl"), pairs)
        write(Path("style/valid.jsonl"), held)
        shape = Shape(depth=1 if given.quick else given.depth)
        runs = [one_seed(seed, shape, options, held) for seed in range(1 if given.quick else given.seeds)]
    names = ("bleu", "chrf", "exact_match")
    median = {way: {n: statistics.median(r[way][n] for r in runs) for n in names} for way in ("greedy", "beams_4")}
    rows = [[way, *(values[n] for n in names)] for way, values in {"copying": copied, **median}.items()]
    print(console.table(f"{len(held)} held-out sentences, percent", ["", *names], rows))
    if not given.quick:
        save("seq2seq_pairs", {
            "data": "shakespeare", "pairs": len(pairs), "held_out": len(held), "minutes_a_stage": given.minutes,
            "depth": given.depth, "threads": threads(), "machine": machine(), "copying": copied, "median": median,
            "runs": runs,
        })  # fmt: skip


if __name__ == "__main__":
    main()
