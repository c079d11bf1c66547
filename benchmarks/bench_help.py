"""CPU milliseconds (user + system) of every command's --help.

    python benchmarks/bench_help.py [--quick]

Prints the median per command and writes benchmarks/results/help.json. Bars: root <= 100 ms, commands <= 350 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from aigc_cli.cli import STAGES

KINDS = {"train": [["train", "gpt"]], "postprocess": [["postprocess", "filter"], ["postprocess", "correct"]]}


def cpu_ms(command: list[str]) -> float:
    """User and system time of one run of the command, children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="3 runs instead of 9")
    runs = 3 if parser.parse_args().quick else 9
    commands = [[], *[[stage.name] for stage in STAGES], *[kind for kinds in KINDS.values() for kind in kinds]]
    aigc = str(Path(sys.executable).with_name("aigc"))
    times: dict[str, list[float]] = {" ".join(c): [] for c in commands}
    for _ in range(runs + 1):  # the first fills the page cache and is dropped
        for command in commands:
            times[" ".join(command)].append(cpu_ms([aigc, *command, "--help"]))
    medians = {name: round(statistics.median(values[1:]), 1) for name, values in times.items()}
    for name, value in medians.items():
        print(f"aigc {name:<22} {value:7.1f} ms")
    result = {
        "what": "CPU ms (user + system) of --help, median",
        "runs": runs,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "root_ms": medians.pop(""),
        "commands_ms": medians,
        "bars_ms": {"root": 100, "commands": 350},
    }
    Path(__file__).with_name("results").joinpath("help.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
