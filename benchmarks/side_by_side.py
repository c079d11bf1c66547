"""Ours and a peer in one run: environments for peers, workers that are timed without their imports, ratios as JSON.

A side of a comparison is a script that calls `serve(run)`: it imports and prepares, then does the work once for each
line on its standard input and answers with one JSON line. The benchmark starts all sides, asks them in turns
(ours, peer, ours, peer, ...) and takes medians. Peers run in environments of their own, made from peers/NAME.txt.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
DATA = ROOT.parent / "shared/data"
SAMPLE_S = 0.05


def python_of(peer: str) -> str:
    """The interpreter of the environment made from peers/`peer`.txt, installed anew when that file has changed."""
    wanted = HERE / "peers" / f"{peer}.txt"
    folder = HERE / ".envs" / peer
    python, ready = folder / "bin/python", folder / ".ready"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not ready.is_file() or ready.read_text() != digest:
        print(f"installing {wanted.name} into an environment of its own", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", wanted], check=True)
        ready.write_text(digest)
    return str(python)


def versions_of(peer: str | None, *packages: str) -> dict[str, str]:
    """{package: version} in a peer's environment (None: in ours)."""
    code = f"import importlib.metadata as m, json; print(json.dumps({{p: m.version(p) for p in {packages!r}}}))"
    python = python_of(peer) if peer else sys.executable
    return json.loads(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout)


def serve(run: Callable[..., Mapping[str, Any]]) -> None:
    """The loop of a side: each line on stdin is a JSON object of arguments for `run`; the answer gets `seconds`.

    `run` may time itself (by giving `seconds`) where part of what it does is not to count.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        found = dict(run(**json.loads(line)))
        found.setdefault("seconds", time.perf_counter() - start)
        print(json.dumps(found), file=answers, flush=True)


def cpu_s() -> float:
    """CPU seconds of this process and of its finished children so far: what a busy machine does not distort."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class Side:
    """A running side. `cores` is the number of threads that it may use, whatever its libraries think."""

    def __init__(
        self, script: str, *arguments: str, peer: str | None = None, cores: int = 1, environment: Any = None
    ) -> None:
        threads = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "AIGC_THREADS")
        path = {"PYTHONPATH": f"{HERE}" if peer else f"{ROOT}:{HERE}"}
        values = {**os.environ, **path, **dict.fromkeys(threads, str(cores)), **(environment or {})}
        python = python_of(peer) if peer else sys.executable
        command = [python, str(HERE / script), *arguments]
        if cores < (os.cpu_count() or 1):
            command = ["taskset", "-c", ",".join(map(str, range(cores))), *command]
        self.process = subprocess.Popen(
            command, env=values, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._answer()

    def run(self, **arguments: Any) -> dict[str, Any]:
        """What the side answers to one request."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """End the side."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()


def interleaved(sides: Mapping[str, Side], repeat: int, **arguments: Any) -> dict[str, list[dict[str, Any]]]:
    """`repeat` answers of each side, asked in turns."""
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for _ in range(repeat):
        for name, side in sides.items():
            answers[name].append(side.run(**arguments))
    return answers


def median_s(answers: list[dict[str, Any]]) -> float:
    """Median seconds of a side's answers."""
    return statistics.median(answer["seconds"] for answer in answers)


def ratio(answers: Mapping[str, list[dict[str, Any]]], ours: str, peer: str) -> float:
    """How many times faster ours is: the median over rounds of peer's seconds by ours in the same round."""
    pairs = zip(answers[peer], answers[ours], strict=True)
    return statistics.median(theirs["seconds"] / own["seconds"] for theirs, own in pairs)


def machine() -> dict[str, Any]:
    """What a result was measured on."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "load_1m": os.getloadavg()[0]}


def save(name: str, results: Mapping[str, Any]) -> None:
    """Write results/`name`.json with the command that gave it."""
    whole = {"command": " ".join(["python", *map(_relative, sys.argv)]), "machine": machine(), **results}
    path = HERE / "results" / f"{name}.json"
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {_relative(str(path))}", file=sys.stderr)


def _relative(argument: str) -> str:
    with contextlib.suppress(ValueError):
        return str(Path(argument).resolve().relative_to(ROOT)) if Path(argument).exists() else argument
    return Path(argument).name


def anonymous_bytes(root: int) -> int:
    """RssAnon of a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    total, queue = 0, [root]
    while queue:
        process = queue.pop()
        queue += children.get(process, [])
        try:
            for line in Path(f"/proc/{process}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


@contextlib.contextmanager
def peak_memory(process: int) -> Iterator[list[int]]:
    """[highest anonymous bytes seen] of a process and its descendants while the block runs."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_S):
            peak[0] = max(peak[0], anonymous_bytes(process))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()
