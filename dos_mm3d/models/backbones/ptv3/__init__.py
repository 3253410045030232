"""Point Transformer V3: m1, m2 and m3, and the adapter that pretrains it."""

from .adapter import PTv3Backbone
from .cloud import Cloud, upcast
from .middle_encoder import PTv3MiddleEncoder
from .model import PTv3
