"""mmdet3d's CenterPoint head, starting from the heatmap bias that it asks for."""

from mmdet3d.models.dense_heads.centerpoint_head import SeparateHead
from mmdet3d.registry import MODELS


@MODELS.register_module()
class BiasedSeparateHead(SeparateHead):
    """SeparateHead whose heatmap really starts at `init_bias` (probability 0.1 for -2.19), as in the CenterPoint paper.

    In mmdet3d 1.4.0 it never does: the heads sit in a plain nn.ModuleList, which does not hand `init_weights` down,
    so every cell starts at probability 0.5 and the heatmap loss in the hundreds. Full schedules recover from that;
    a run of some hundred steps spends many of them on it.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.heatmap[-1].bias.data.fill_(self.init_bias)
