"""Pretraining methods."""

from .dos import DOS
from .student_teacher import StudentTeacher

__all__ = ['DOS', 'StudentTeacher']
