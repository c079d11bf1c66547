"""VAE: pictures to a few numbers and back."""
