"""A model file in, its checked metadata and a runtime that computes with it out."""
