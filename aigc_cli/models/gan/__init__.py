"""GAN: a generator that draws pictures from noise, and the discriminator that it learns from."""
