"""A command line in, checked options and progress out; nothing heavier than click."""
