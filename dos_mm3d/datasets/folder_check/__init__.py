"""What a folder of sweeps holds: which of its files are sweeps, the scale of their intensities, geometry that looks
wrong.

Nothing here writes to the log: what was found is returned, and :class:`~dos_mm3d.datasets.folder.FolderSweeps` says it
once."""

from .files import NO_XYZ, Found, copies_among, look_for_sweeps
from .intensity import PERCENTILE, SCALES, Levels, faintness, is_other_scale, levels_of, unit_scale, usual_levels
from .looks import Looks
from .parts import parts_among
