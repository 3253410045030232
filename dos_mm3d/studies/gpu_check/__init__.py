"""Does a GPU machine work? Checks of the stack, each in a process of its own; the tool is tools/gpu_check.py."""
