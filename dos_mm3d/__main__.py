"""`python -m dos_mm3d` is `dos-mm3d`."""

from .cli.dos_mm3d_entry import main

main()
