"""Run: an output directory that is either whole or not there, resumes after a kill, and knows when it is up to date.

Work goes to DIR.partial; manifest.json is written last; then DIR.partial becomes DIR under a lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.core.files import atomic_write, canonical_json, disk_errors, remove_leftovers, sync_directory
from aigc_cli.core.journal import Journal
from aigc_cli.core.manifest import MANIFEST, build_manifest, describe_input, difference, fingerprint, read_manifest
from aigc_cli.core.options import Common
from aigc_cli.core.twin import copy_run, find_twin, relocated
from aigc_cli.core.urls import without_secrets

STATE = "state.partial.json"  # in DIR.partial: the fingerprint and options that the unfinished work has
IMPLICIT_ROOT = Path(".aigc")


class Run:
    """One stage's output directory. Use as a context manager; see the module docstring.

    `output` None takes runs/<default>, or the next free name when that one holds other work. An `output` that ends
    in .pt is published as a directory of that name and then packed by `pack(directory, file)`.
    """

    def __init__(
        self,
        output: Path | str | None,
        *,
        stage: str,
        version: int,
        options: Mapping[str, Any],
        inputs: Iterable[Path | str | Mapping[str, Any]] = (),
        default: str = "",
        common: Common | None = None,
        pack: Callable[[Path, Path], None] | None = None,
        implicit: bool = False,
        volatile: bool = False,
    ) -> None:
        self.stage, self.version, self.options = stage, version, dict(options)
        self.common = common or Common()
        self.inputs = [describe_input(i) for i in inputs]
        self.fingerprint = fingerprint(stage, version, self.options, self.inputs)
        self.pack = pack
        self._volatile = volatile  # an input may have changed and nothing tells so: a published result is made anew
        self._default = Path("runs") / (default or stage)
        self.file: Path | None = None
        if implicit:
            output = IMPLICIT_ROOT / self.fingerprint
        elif output is None:
            output = self._free_name(self._default)
        self.path = Path(output)
        if self.path.suffix == ".pt":
            if pack is None:
                raise ConfigError(f"'{stage}' writes a directory, not a .pt file", "give -o a directory name")
            self.file, self.path = self.path, self.path.with_suffix("")
        self.dir = self.path.with_name(self.path.name + ".partial")
        self._old = self.path.with_name(f".{self.path.name}.old")  # hidden: nobody else's name
        self._lock_path = self.path.with_name(f".{self.path.name}.lock")
        self._lock: TextIO | None = None
        self.up_to_date = False
        self.resumed = False
        self.previous: Path | None = None  # the published directory of an earlier run of this stage, for reuse
        self.manifest: dict[str, Any] = {}
        self._started = time.time()

    # -- entering ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Run:
        try:
            with disk_errors(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._acquire()
        except (NotADirectoryError, FileExistsError) as error:
            raise ConfigError(f"{self.path} cannot be made: {error.strerror}", "choose another -o") from error
        try:
            self._repair()
            self._inspect()
            if not self.up_to_date and not self._copy_twin():
                self._open_partial()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.up_to_date and hasattr(self, "journal"):
            self.journal.close()
            # Nothing was finished, and the remedy changes the options: a left-over directory would only be in the way.
            if isinstance(error, ConfigError | DataError) and not self.journal.entries and not self.resumed:
                shutil.rmtree(self.dir, ignore_errors=True)
        self._release()

    def _free_name(self, base: Path) -> Path:
        """`base`, or base-2, base-3 ...: the first that is free or holds this very work."""
        for number in range(1, 10_000):
            candidate = base if number == 1 else base.with_name(f"{base.name}-{number}")
            partial = candidate.with_name(candidate.name + ".partial")
            if partial.is_dir():
                if _state(partial).get("fingerprint") == self.fingerprint:
                    return candidate
            elif not candidate.exists() or (read_manifest(candidate) or {}).get("fingerprint") == self.fingerprint:
                return candidate
        raise ConfigError(f"there are too many directories named {base}-N", "give one with -o")

    def _acquire(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows: two processes on one output are then not told apart
            return
        while True:
            lock = open(self._lock_path, "w", encoding="ascii")  # noqa: SIM115 - held until __exit__
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.close()
                raise AigcError(f"another aigc is writing {self.path}", "wait for it, or choose another -o") from error
            # The holder before us may have unlinked the file between our open and our lock.
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(lock.fileno()).st_ino == os.stat(self._lock_path).st_ino:
                    self._lock = lock
                    return
            lock.close()

    def _release(self) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._lock_path.unlink()
            self._lock.close()
            self._lock = None

    def _repair(self) -> None:
        """Finish or undo a publish that a kill cut in two."""
        if self._old.exists():
            if self.path.exists():
                shutil.rmtree(self._old)
            else:
                self._old.rename(self.path)

    def _inspect(self) -> None:
        """Decide between up to date, rebuild and refusal from what lies at the output."""
        manifest = read_manifest(self.path) if self.path.exists() else None
        if self.path.exists() and manifest is None and not (self.path.is_dir() and not any(self.path.iterdir())):
            raise ConfigError(f"{self.path} exists and was not made by aigc", "choose another -o, or move it away")
        if manifest is not None and manifest["stage"] != self.stage:
            raise ConfigError(
                f"{self.path} holds the output of '{manifest['stage']}', not of '{self.stage}'",
                "choose another -o, or delete that directory",
            )
        packed = None
        if self.file is not None and self.file.exists():
            packed = read_manifest(self.file)
            if packed is None and not self.common.force:
                raise ConfigError(f"{self.file} exists and was not made by aigc", "choose another -o, or add --force")
        same = manifest is not None and manifest["fingerprint"] == self.fingerprint
        packed_same = packed is not None and packed["fingerprint"] == self.fingerprint
        if not self.common.force and not self._volatile and (same or (manifest is None and packed_same)):
            self.up_to_date = True
            self.manifest = manifest or packed or {}
            self._touch(packed_same)
        elif manifest is not None:
            self.previous = self.path
            changed = difference(manifest.get("options", {}), self.options)
            console.detail(f"{self.path} is made anew: {changed or 'its inputs changed'}")

    def _touch(self, packed_same: bool) -> None:
        if (self.path / MANIFEST).exists():
            os.utime(self.path / MANIFEST)
        if self.file is not None:
            if not packed_same:
                assert self.pack is not None
                self.pack(self.path, self.file)
            else:
                os.utime(self.file)
        console.say(f"{self.file or self.path} is up to date")

    def _copy_twin(self) -> bool:
        """Take over the same work from runs/<default>, where nothing of our own is published or begun."""
        if self.common.force or self._volatile or self.path.exists() or self.dir.exists():
            return False
        twin = find_twin(self._default, self.path, self.fingerprint)
        if twin is None:
            return False
        with disk_errors(self.path):
            copy = self.path.with_name(f".{self.path.name}.copy")
            self.manifest = copy_run(twin, copy, [relocated(i, self.path) for i in self.inputs])
            copy.rename(self.path)
            if self.file is not None:
                assert self.pack is not None
                self.pack(self.path, self.file)
        self.up_to_date = True
        console.say(f"{self.file or self.path} is copied from {twin}, which is the same work")
        return True

    def _open_partial(self) -> None:
        if self.dir.exists():
            state = _state(self.dir)
            if state.get("fingerprint") == self.fingerprint and not self.common.force:
                self.resumed = True
                remove_leftovers(self.dir)
                console.say(f"continuing {self.dir}")
            elif not state and _is_foreign(self.dir):
                raise ConfigError(f"{self.dir} exists and was not made by aigc", "move it away, or choose another -o")
            elif self.common.force or not state:
                shutil.rmtree(self.dir)
            else:
                changed = difference(state.get("options", {}), self.options) or "other inputs"
                raise ConfigError(
                    f"{self.dir} holds unfinished work with {changed}",
                    "repeat the earlier command to continue it, or add --force to discard it",
                )
        if not self.resumed:
            with disk_errors(self.dir):
                self.dir.mkdir(parents=True)
            state = {"fingerprint": self.fingerprint, "stage": self.stage, "options": self.options}
            atomic_write(self.dir / STATE, canonical_json(state))
        self.journal = Journal(self.dir / "journal.jsonl")

    # -- leaving -------------------------------------------------------------------------------------------------

    def publish(
        self,
        *,
        counts: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        lines: Iterable[str] = (),
        next: str = "",
        times: Mapping[str, Any] | None = None,
    ) -> Result:
        """Write the manifest and move the directory into place. What varies between equal runs goes to `times`."""
        self.journal.close()
        with disk_errors(self.path):
            self.manifest = build_manifest(
                self.dir, stage=self.stage, version=self.version, mark=self.fingerprint, options=self.options,
                inputs=[relocated(i, self.path) for i in self.inputs], counts=counts or {}, facts=facts or {},
            )  # fmt: skip
            shutil.rmtree(self.dir / "parts", ignore_errors=True)
            atomic_write(self.dir / "run.json", json.dumps(self._circumstances(times or {}), indent=1))
            atomic_write(
                self.dir / MANIFEST, json.dumps(self.manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
            )
            (self.dir / STATE).unlink(missing_ok=True)
            if self._old.exists():
                shutil.rmtree(self._old)
            if self.path.exists():
                self.path.rename(self._old)
            self.dir.rename(self.path)
            sync_directory(self.path.parent)
            shutil.rmtree(self._old, ignore_errors=True)
            if self.file is not None:
                assert self.pack is not None
                self.pack(self.path, self.file)
        self.up_to_date = True
        return self.result(lines=lines, next=next)

    def result(self, *, lines: Iterable[str] = (), next: str = "") -> Result:
        """The Result of the published directory."""
        return Result(self.stage, self.file or self.path, self.manifest, list(lines), next)

    def _circumstances(self, times: Mapping[str, Any]) -> dict[str, Any]:
        from aigc_cli import __version__

        return {
            "aigc": __version__, "python": platform.python_version(), "machine": platform.machine(),
            "system": platform.system(), "command": [without_secrets(a) for a in sys.argv[1:]],
            "started": self._started, "time_s": time.time() - self._started, **dict(times),
        }  # fmt: skip


def _state(partial: Path) -> dict[str, Any]:
    try:
        loaded = json.loads((partial / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _is_foreign(partial: Path) -> bool:
    """Whether a directory without state is somebody else's; a kill may leave nothing, or our first write half done."""
    ours = (partial / MANIFEST).exists()
    return not ours and any(not fnmatch(e.name, f".{STATE}.*.tmp") for e in partial.iterdir())
