"""Clouds of single objects: readers of the formats in which they are downloaded, and the one prepared form that all of
them become and that training and protocols read."""

from .clouds import ObjectClouds
from .object_set import ObjectSet, splits_in, write_object_set
