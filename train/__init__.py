"""Labelled wafer maps -> float Keras model."""
