"""Protocols on labelled clouds of objects (docs/protocols.md, "Objects")."""

from .finetune import ObjectFewShot, ObjectFinetune, ObjectParts
from .frozen import ObjectKNN, ObjectLinear, ObjectMLP3, ObjectSVM

OBJECT_PROTOCOLS = (ObjectKNN, ObjectSVM, ObjectLinear, ObjectMLP3, ObjectFinetune, ObjectFewShot, ObjectParts)
