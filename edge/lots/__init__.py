"""A station's records in; what each lot is like, and what is out of the ordinary, out."""
