"""A network that names several patterns a wafer in; an int8 model file and its proof out."""
