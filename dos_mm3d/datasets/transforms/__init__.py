"""From one raw scan to two masked views."""

from .masking import BlockMask, PackViews
from .views import TwoViews

__all__ = ['BlockMask', 'PackViews', 'TwoViews']
