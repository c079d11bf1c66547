"""Report: one self-contained HTML page about runs and all that they came from."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "report":
        from aigc_cli.report.api import report

        return report
    raise AttributeError(f"module 'aigc_cli.report' has no attribute '{name}'")
