"""Adapters: one file over each of mmdet3d's backbones; and the transformer over patches of objects."""

from .cylinder3d import Cylinder3DAdapter
from .minkunet import MinkUNetAdapter
from .patch_transformer import DeepPatchEmbedding, PatchEmbedding, PatchEncoder, PatchPredictor
from .pillars import PillarBackbone
from .ptv3 import PTv3, PTv3Backbone, PTv3MiddleEncoder
from .sparse_encoder import SparseEncoderBackbone, VoxelNetBackbone
from .spvcnn import SPVCNN, SPVCNNAdapter
