"""Pictures into fixed-size records of uint8 pixels."""
