"""A model file and labelled wafers in, figures a class with intervals and calibration out."""
