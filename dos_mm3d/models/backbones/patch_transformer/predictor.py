"""What the student alone has: features of hidden patches from those that it sees."""

from mmdet3d.registry import MODELS
from torch import Tensor, nn

from .layers import RMSNorm, blocks, init_linear


@MODELS.register_module()
class PatchPredictor(nn.Module):
    """Cross-attention only: a hidden patch's query sees the visible context, never another query.

    Queries know their positions; if they attended to each other they would disclose the outline of what is hidden.

    Args:
        in_channels: width D of the encoder.
        channels: width inside.
        depth: blocks.
        heads: of the attention.
        mlp_ratio: hidden width of the MLPs over ``channels``.
    """

    def __init__(
        self, in_channels: int, channels: int = 192, depth: int = 6, heads: int = 3, mlp_ratio: float = 4.0
    ) -> None:
        super().__init__()
        # one for query, position and memory, so its bias enters all three
        self.inward = nn.Linear(in_channels, channels)
        self.blocks = blocks(depth, channels, heads, mlp_ratio)
        self.norm = RMSNorm(channels)
        self.outward = nn.Linear(channels, in_channels)
        init_linear(self)

    def forward(self, mask_token: Tensor, positions: Tensor, memory: Tensor) -> Tensor:
        """Predicted features (R, Q, D).

        Args:
            mask_token: (D,), the content of every query.
            positions: (R, Q, D), embedded, of the hidden patches; added before every block.
            memory: (R, S, D), the encoder's output, after its norm.
        """
        positions, memory = self.inward(positions), self.inward(memory)
        query = self.inward(mask_token).expand_as(positions)
        for block in self.blocks:
            query = block(query + positions, memory)
        return self.outward(self.norm(query))
