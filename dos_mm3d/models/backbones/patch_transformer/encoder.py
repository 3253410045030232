"""Encoder over the patches of a cloud."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from .embedding import PositionEmbedding
from .layers import RMSNorm, blocks, init_linear, token


class PatchFeatures(NamedTuple):
    """What an encoder says of R clouds.

    Args:
        cls: (R, D), the CLS token; None where the encoder has none.
        patches: (R, P, D).
    """

    cls: Tensor | None
    patches: Tensor

    @property
    def rows(self) -> Tensor:
        """(R, 1 + P, D), CLS first, or (R, P, D)."""
        return self.patches if self.cls is None else torch.cat((self.cls[:, None], self.patches), dim=1)


@MODELS.register_module()
class PatchEncoder(BaseModule):
    """Patch embedding and a pre-norm transformer; positions are added before every block, to CLS never.

    Args:
        channels: width D.
        depth: blocks.
        heads: of the attention.
        embedding: config of the patch embedding; ``channels`` is added. None: :class:`.embedding.PatchEmbedding`.
        mlp_ratio: hidden width of the MLPs over D.
        drop_path: of every block, see :class:`.layers.Block`.
        cls_token: whether there is one.
        init_cfg: of mmengine, such as weights to start from.
    """

    def __init__(
        self,
        channels: int = 384,
        depth: int = 12,
        heads: int = 6,
        embedding: dict | None = None,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        cls_token: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.channels = channels
        self.embedding = MODELS.build({'channels': channels, **(embedding or dict(type='PatchEmbedding'))})
        self.position = PositionEmbedding(channels)
        self.cls_token = token(channels) if cls_token else None
        self.blocks = blocks(depth, channels, heads, mlp_ratio, drop_path)
        self.norm = RMSNorm(channels)
        init_linear(self.blocks)

    def embed(self, patches: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and positions (R, P, D) of patches (R, P, K, 3) around centres (R, P, 3)."""
        return self.embedding(patches), self.position(centres)

    def forward(self, tokens: Tensor, positions: Tensor) -> PatchFeatures:
        """Features after the final norm of embedded patches, all of them or some: (R, P, D) each."""
        *_, last = self.hidden(tokens, positions)
        return self.split(self.norm(last))

    def hidden(self, tokens: Tensor, positions: Tensor) -> Iterator[Tensor]:
        """The rows (R, 1 + P, D), CLS first, or (R, P, D), after each block, before the final norm."""
        if self.cls_token is not None:
            tokens = torch.cat((self.cls_token.expand(len(tokens), 1, -1), tokens), dim=1)
            positions = nn.functional.pad(positions, (0, 0, 1, 0))
        for block in self.blocks:
            tokens = block(tokens + positions)
            yield tokens

    def split(self, rows: Tensor) -> PatchFeatures:
        """Rows as :meth:`hidden` gives them, CLS apart."""
        return PatchFeatures(None, rows) if self.cls_token is None else PatchFeatures(rows[:, 0], rows[:, 1:])
