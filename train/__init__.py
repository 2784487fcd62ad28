"""Labelled wafers and a recipe in, a run folder with a float network out."""
