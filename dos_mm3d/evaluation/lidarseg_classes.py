"""The classes of nuScenes lidarseg, which the data sets need too: they are in ``datasets``."""

from ..datasets.lidarseg_classes import CATEGORY_TO_CLASS, CLASSES, IGNORE, class_of_category_index, read_class_table

__all__ = ['CATEGORY_TO_CLASS', 'CLASSES', 'IGNORE', 'class_of_category_index', 'read_class_table']
