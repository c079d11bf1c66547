"""Stands in for `aigc` in tests of the pipelines: writes manifests by content, notes what it was asked.

Lines of $MOCK_LOG: "<stage> <made|same> <AIGC_THREADS>". The stage in $MOCK_FAIL fails.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

FILES = ("report",)  # writes a file, not a run, and knows nothing of being up to date


def content(path: Path) -> bytes:
    if path.is_dir() and (path / "manifest.json").exists():
        return (path / "manifest.json").read_bytes()
    if path.is_dir():
        return b"".join(str(p).encode() + p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file())
    return path.read_bytes()


def main() -> int:
    words = sys.argv[1:]
    output = Path(words.pop(words.index("-o") + 1))
    stage = output.stem
    inputs = [Path(word) for word in words if Path(word).exists()]
    fingerprint = hashlib.sha256("".join(words).encode() + b"".join(map(content, inputs))).hexdigest()
    if os.environ.get("MOCK_FAIL") == stage:
        print("error: told to fail", file=sys.stderr)
        return 1
    target = output if words[0] in FILES else output / "manifest.json"
    same = words[0] not in FILES and target.exists() and target.read_text() == fingerprint
    target.parent.mkdir(parents=True, exist_ok=True)
    if same:
        target.touch()
    else:
        target.write_text(fingerprint)
    with open(os.environ["MOCK_LOG"], "a") as log:
        log.write(f"{stage} {'same' if same else 'made'} {os.environ.get('AIGC_THREADS')}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
