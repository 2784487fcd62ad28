"""Labelled wafers and counts in, the synthetic wafers that a recipe asks for out."""
