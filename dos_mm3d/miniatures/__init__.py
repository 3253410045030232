"""The embedded worlds, seen by ray-cast LiDARs or a depth camera, and a writer for each data set's own format.

`worlds` has the smallest one of each, converted: what tests and the check of all configs run on.
"""
