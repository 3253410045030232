"""From one raw scan to two masked views."""

from .colour import ColourJitter
from .intensity import UnitIntensity
from .local_views import LocalViews
from .masking import BlockMask, PackViews, RampedBlockMask
from .oriented import CentreScan, LoadScanNormals
from .tokens import MaskTokenSites
from .views import TwoViews
