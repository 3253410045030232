"""SemanticKITTI: unlabelled sweeps, classes, and the conversion of a download."""

from . import sweeps
