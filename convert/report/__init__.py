"""Evidence on what int8 does to a network: layer by layer, and each layer alone."""
