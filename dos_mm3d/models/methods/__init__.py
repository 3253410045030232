"""Pretraining methods and the parts that they are made of."""

from .asymdsd import AsymDSD
from .dos import DOS
from .student_input import MaskTokens, VisibleVoxels, VisibleVoxelsAndLocalViews
from .student_teacher import StudentTeacher
from .terms import HiddenAndVisible, SameAndCrossView, SameView, WithLocalViews
