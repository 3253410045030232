"""Waymo's raw records -> frame records and point files, in the environment of waymo-open-dataset.

`segments` and `stage` run in the project's own environment; `convert`, `frames` and `range_images` in
the other one, knowing nothing of dos_mm3d but `frame_record.py` and `files.py`; `tfrecord` in both.
"""
