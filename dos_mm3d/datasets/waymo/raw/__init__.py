"""Waymo's raw records (TFRecord files of protocol buffers) -> frame records and point files."""

from .convert import convert_records
