"""From one raw scan to two masked views."""

from .local_views import LocalViews
from .masking import BlockMask, PackViews, RampedBlockMask
from .tokens import MaskTokenSites
from .views import TwoViews

__all__ = ['BlockMask', 'LocalViews', 'MaskTokenSites', 'PackViews', 'RampedBlockMask', 'TwoViews']
