"""A block of Point Transformer V3: positional convolution, attention, MLP (docs/ptv3.md)."""

from spconv.pytorch import SubMConv3d
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .attention import SerializedAttention
from .cloud import Cloud
from .layers import LayerScale, Mlp, PointDropPath, convolve
from .settings import BlockSettings


class Block(nn.Module):
    """x + CPE(x), then attention and MLP, each added to what comes in; children are named as in public checkpoints.

    Args:
        level: blocks of one level share their convolution's neighbour tables.
        order_index: the curve that this block attends along.
        drop_path: rate of this block.
        recompute: activation checkpointing, forgets the activations and computes them again in the backward pass.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        patch_size: int,
        settings: BlockSettings,
        *,
        level: int,
        order_index: int,
        drop_path: float,
        rope: bool,
        recompute: bool,
    ) -> None:
        super().__init__()
        self.pre_norm, self.recompute = settings.pre_norm, recompute
        conv = SubMConv3d(channels, channels, kernel_size=3, bias=True, indice_key=f'level{level}')
        self.cpe = nn.ModuleList([conv, nn.Linear(channels, channels), nn.LayerNorm(channels)])
        self.norm1 = nn.Sequential(nn.LayerNorm(channels))
        self.attn = SerializedAttention(channels, heads, patch_size, order_index, settings, rope=rope)
        self.ls1 = layer_scale(channels, settings)
        self.norm2 = nn.Sequential(nn.LayerNorm(channels))
        self.mlp = nn.Sequential(Mlp(channels, settings))
        self.ls2 = layer_scale(channels, settings)
        self.drop_path = PointDropPath(drop_path)

    def forward(self, cloud: Cloud) -> Cloud:
        if self.recompute and self.training:
            return cloud.with_feat(checkpoint(self.compute, cloud.feat, cloud, use_reentrant=False))
        return cloud.with_feat(self.compute(cloud.feat, cloud))

    def compute(self, feat: Tensor, cloud: Cloud) -> Tensor:
        """(N, C) -> (N, C); the convolution reads the cloud's ``conv_feat`` if it has one."""
        feat = feat + self.position(feat if cloud.conv_feat is None else cloud.conv_feat, cloud)
        if self.pre_norm:
            feat = feat + self.drop_path(self.ls1(self.attn(cloud, self.norm1(feat))))
            return feat + self.drop_path(self.ls2(self.mlp(self.norm2(feat))))
        feat = self.norm1(feat + self.drop_path(self.ls1(self.attn(cloud, feat))))
        return self.norm2(feat + self.drop_path(self.ls2(self.mlp(feat))))

    def position(self, feat: Tensor, cloud: Cloud) -> Tensor:
        """Conditional positional encoding: convolution, linear layer, norm."""
        conv, linear, norm = self.cpe
        return norm(linear(convolve(conv, cloud, feat)))


def layer_scale(channels: int, settings: BlockSettings) -> nn.Module:
    """Factors per channel, or nothing."""
    return nn.Identity() if settings.layer_scale is None else nn.Sequential(LayerScale(channels, settings.layer_scale))
