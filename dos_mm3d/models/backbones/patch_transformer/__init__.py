"""The transformer over patches of an object that AsymDSD pretrains (docs/objects.md, "Network")."""

from .embedding import DeepPatchEmbedding, PatchEmbedding
from .encoder import PatchEncoder, PatchFeatures
from .predictor import PatchPredictor
