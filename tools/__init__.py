"""What is run from a command line, as files: `python tools/NAME.py`. They parse arguments, call dos_mm3d and print."""
