"""Which device, number format and how many threads the machine offers."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_cli.core.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float32", "bfloat16", "float16")


def threads() -> int:
    """Threads and processes to use: AIGC_THREADS, else the cores this process may run on."""
    given = os.environ.get("AIGC_THREADS", "")
    if given:
        if not given.isdigit() or int(given) < 1:
            raise ConfigError(f"AIGC_THREADS is '{given}'", "set it to a whole number of cores, e.g. AIGC_THREADS=2")
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def resolve(device: str = "auto", dtype: str = "auto") -> tuple[torch.device, torch.dtype]:
    """The torch device and the compute dtype; "auto" takes the best there is, once and for the whole run.

    On a CPU, bfloat16 is chosen when it has AVX512-BF16 or AMX, where matrix products are about twice as fast.
    Raises ConfigError for a device that is absent.
    """
    import torch

    torch.set_num_threads(threads())
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"there is no device '{device}'", "use --device auto, cpu, cuda, cuda:1 or mps") from error
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(chosen.type, False):
        raise ConfigError(f"the device '{device}' is not available here", "use --device auto; see `aigc doctor`")
    if chosen.type == "cuda" and chosen.index is not None and chosen.index >= torch.cuda.device_count():
        raise ConfigError(f"there is no {device}", f"devices: cuda:0 to cuda:{torch.cuda.device_count() - 1}")
    if dtype not in DTYPES:
        raise ConfigError(f"there is no dtype '{dtype}'", "use --dtype " + ", ".join(DTYPES))
    if dtype == "auto":
        fast = (chosen.type == "cuda" and torch.cuda.is_bf16_supported()) or (chosen.type == "cpu" and cpu_has_bf16())
        dtype = "bfloat16" if fast else "float32"
    return chosen, getattr(torch, dtype)


def cpu_flags() -> set[str]:
    """Instruction set flags of the CPU as Linux names them; empty elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(("flags", "Features")):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware."""
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16", "bf16"})


def memory_bytes() -> int:
    """Physical memory in bytes; 0 when unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def missing_compiler() -> str | None:
    """What torch.compile lacks on this machine: None, or the name of it."""
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        return f"the C++ compiler {compiler}"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "Python.h"
    return None


def need_compiler() -> None:
    """Raises MissingExtra where torch.compile cannot work."""
    missing = missing_compiler()
    if missing is not None:
        remedy = "xcode-select --install" if sys.platform == "darwin" else "sudo apt install g++ python3-dev"
        raise MissingExtra(
            f"torch.compile needs {missing}, which is not there", f"{remedy}, or train with --compile off"
        )
