"""A model file as C sources for a microcontroller: read, lowered to kernels, planned, written."""
