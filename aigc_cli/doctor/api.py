"""Facts about the machine and the installation, and what is wrong with them."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
from pathlib import Path
from typing import Any

from aigc_cli.core import device
from aigc_cli.core.console import Result, human_bytes
from aigc_cli.core.errors import AigcError
from aigc_cli.core.options import Common

DISTRIBUTION = "aigc-cli"
LOW_DISK_BYTES = 5 << 30  # a small run with its checkpoints and exports stays below this
FAST_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16")


def doctor(common: Common | None = None) -> Result:
    """Machine, devices, packages and extras; facts["problems"] lists what to mend, each with its command."""
    facts: dict[str, Any] = {"machine": _machine(), "devices": _devices(), **_packages()}
    problems = [f"{name} is missing: pip install {name}" for name, version in facts["packages"].items() if not version]
    if facts["machine"]["disk_free_bytes"] < LOW_DISK_BYTES:
        problems.append(f"only {human_bytes(facts['machine']['disk_free_bytes'])} of disk are free here")
    try:
        device.threads()
    except AigcError as error:
        problems.append(f"{error.message}: {error.hint}")
    facts["problems"] = problems
    return Result("doctor", None, facts, _lines(facts))


def _machine() -> dict[str, Any]:
    flags = device.cpu_flags()
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": _threads(),
        "cpu_flags": [flag for flag in FAST_FLAGS if flag in flags],
        "memory_bytes": device.memory_bytes(),
        "disk_free_bytes": shutil.disk_usage(Path.cwd()).free,
    }


def _threads() -> int | None:
    try:
        return device.threads()
    except AigcError:
        return None


def _devices() -> list[str]:
    try:
        import torch
    except ImportError:
        return []
    found = ["cpu (bfloat16 in hardware)" if device.cpu_has_bf16() else "cpu"]
    found += [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    return [*found, "mps"] if torch.backends.mps.is_available() else found


def _packages() -> dict[str, Any]:
    """{"packages": {name: version or None}, "extras": {extra: {name: version or None}}} of the distribution."""
    packages: dict[str, str | None] = {}
    extras: dict[str, dict[str, str | None]] = {}
    for requirement in importlib.metadata.requires(DISTRIBUTION) or []:
        matched = re.match(r"[\w.-]+", requirement)
        assert matched is not None
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        place = extras.setdefault(extra.group(1), {}) if extra else packages
        place[matched.group()] = _version(matched.group())
    return {"packages": packages, "extras": extras}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _lines(facts: dict[str, Any]) -> list[str]:
    machine = facts["machine"]
    lines = [
        f"python    {machine['python']} on {machine['system']}",
        f"threads   {machine['threads']} ({', '.join(machine['cpu_flags']) or 'no vector extensions known'})",
        f"memory    {human_bytes(machine['memory_bytes'])}, disk {human_bytes(machine['disk_free_bytes'])} free",
        f"devices   {', '.join(facts['devices']) or 'none: torch is not installed'}",
        "packages  " + ", ".join(f"{n} {v}" for n, v in facts["packages"].items() if v),
    ]
    for extra, members in facts["extras"].items():
        missing = [name for name, version in members.items() if not version]
        state = "installed" if not missing else f"pip install '{DISTRIBUTION}[{extra}]'  ({', '.join(missing)} missing)"
        lines.append(f"extra     {extra}: {state}")
    return lines + [f"problem   {problem}" for problem in facts["problems"]]
