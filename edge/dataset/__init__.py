"""Labelled wafers in: ``.npz`` files, class folders; wafer maps, patterns and parts out."""
