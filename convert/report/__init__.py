"""A model file, its float twin and labelled wafers in; what int8 did, on one page, out."""
