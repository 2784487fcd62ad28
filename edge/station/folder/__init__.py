"""Dropped files in, each one's records once out, and the file put away."""
