"""The first whole: stages, record and report of tools/quickstart.py."""
