"""What is general about files and text: paths and plain data come in, checked values go out."""
