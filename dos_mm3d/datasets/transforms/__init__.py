"""From one raw scan to two masked views."""

from .colour import ColourJitter
from .local_views import LocalViews
from .masking import BlockMask, PackViews, RampedBlockMask
from .object_crops import DrawObjectCrops
from .points import CentreScan, IntensityRanks, LoadScanNormals, UnitIntensity, ZeroTimeLag
from .recent import RecentPoints
from .tokens import MaskTokenSites
from .views import TwoViews
