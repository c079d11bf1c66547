"""The functions behind `aigc export`, `aigc quantize` and `aigc distill`."""

from aigc_cli.compress.distilling import distill
from aigc_cli.compress.exporting import export
from aigc_cli.compress.quantizing import quantize

__all__ = ["distill", "export", "quantize"]
