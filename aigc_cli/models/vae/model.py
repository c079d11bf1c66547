"""VAE: an encoder that says of a picture where its latents lie, and a decoder that draws pictures from latents.

Shapes: B pictures, C channels, H height, W width, Z latent numbers.
Source: Kingma and Welling 2014, "Auto-Encoding Variational Bayes"; Higgins et al. 2017, "beta-VAE".
"""

from __future__ import annotations

import torch
from torch import nn

from aigc_cli.models.layers.conv import Conv
from aigc_cli.models.vae.bottleneck import rounded, split
from aigc_cli.models.vae.config import Config
from aigc_cli.models.vae.trunks import ConvDecoder, ConvEncoder, FlatDecoder, FlatEncoder


class VAE(nn.Module):
    """Pictures x in [-1, 1]; a conv one with Gaussian latents has the keys of diffusers' AutoencoderKL.

    `compute_dtype` (None: the weights' own) is the dtype of activations; results are float32.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype: torch.dtype | None = None
        n_moments = config.n_latent * (1 if config.levels else 2)
        conv = config.trunk == "conv"
        self.encoder: nn.Module = (ConvEncoder if conv else FlatEncoder)(config, n_moments)
        self.decoder: nn.Module = (ConvDecoder if conv else FlatDecoder)(config)
        self.quant_conv = Conv(n_moments, n_moments, 1) if conv else None
        self.post_quant_conv = Conv(config.n_latent, config.n_latent, 1) if conv else None
        # ln of a Gaussian pixel's deviation: one number for all pixels.
        self.log_deviation = nn.Parameter(torch.zeros(())) if config.likelihood == "gaussian" else None

    @torch.no_grad()
    def initialize(self, generator: torch.Generator | None = None) -> VAE:
        """Fresh weights: residual blocks start as the identity, the encoder says N(0, 1) of everything."""
        for name, parameter in self.named_parameters():
            if name == "log_deviation":
                parameter.fill_(0.0)
            elif parameter.ndim == 1:
                parameter.fill_(float("norm" in name and name.endswith("weight")))
            elif (
                any(part in name for part in ("conv2.", "to_out.", ".downs."))
                or name.startswith("encoder.conv_out.")
                or name.startswith("encoder.layers.exit.")
            ):
                parameter.zero_()
            else:
                parameter.normal_(0.0, parameter[0].numel() ** -0.5, generator=generator)
        return self

    def moments(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """What the encoder says: [B, 2 Z, ...] (mean, log variance), with FSQ [B, Z, ...] before rounding."""
        dtype = self.compute_dtype or next(self.parameters()).dtype
        found = self.encoder(x_BCHW.to(dtype))
        return (found if self.quant_conv is None else self.quant_conv(found)).float()

    def encode(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """The latents [B, Z, ...] without randomness: the means, or the rounded numbers."""
        moments = self.moments(x_BCHW)
        return rounded(moments, self.config.levels) if self.config.levels else split(moments)[0]

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] for latents [B, Z, ...]: pixels in [-1, 1] (gaussian) or logits of 1 (bernoulli)."""
        dtype = self.compute_dtype or next(self.parameters()).dtype
        z = z.to(dtype)
        return self.decoder(z if self.post_quant_conv is None else self.post_quant_conv(z)).float()

    def pictures(self, z: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] in [-1, 1]: the expected pixels."""
        out = self.decode(z)
        return 2 * torch.sigmoid(out) - 1 if self.config.likelihood == "bernoulli" else out.clamp(-1, 1)


def build(config: Config) -> VAE:
    """An initialised VAE (from torch's global random state)."""
    return VAE(config).initialize()


def build_empty(config: Config) -> VAE:
    """A VAE whose weights are yet to be loaded."""
    with torch.device("meta"):
        model = VAE(config)
    return model.to_empty(device="cpu")
