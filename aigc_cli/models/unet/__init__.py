"""UNet: a convolutional denoiser of pictures."""
