"""A model file in; its network, encoding and verdict as C for a microcontroller out."""
