"""The ground: wafer map, patterns and the encoding that makes a network's input of a map."""
