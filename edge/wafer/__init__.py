"""Die states in; the wafer map, its encoding for the network and its picture out."""
