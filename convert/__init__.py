"""A float network and labelled wafers in; an int8 model file, its proof, its report, its C out."""
