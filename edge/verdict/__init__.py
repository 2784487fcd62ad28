"""Confidence, distance and mixture of a prediction in, accept or review with its reason out."""
