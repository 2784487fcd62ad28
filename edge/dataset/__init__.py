"""Labelled sets and class folders in; wafer maps with their patterns and parts out."""
