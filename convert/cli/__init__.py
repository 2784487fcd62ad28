"""A command line in; a model file, its report or its firmware out."""
