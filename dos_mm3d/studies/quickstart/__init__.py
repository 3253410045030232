"""The quickstart of tools/quickstart.py: its cells, the report and the pictures in it."""
