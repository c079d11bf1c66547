"""What this machine and installation can do."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "doctor":
        from aigc_cli.doctor.api import doctor

        return doctor
    raise AttributeError(name)
