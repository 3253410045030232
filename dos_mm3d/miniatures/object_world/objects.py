"""Any object of the world alone: its mesh, its clean cloud, its scans, from (seed, split, class, number)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...datasets.objects.meshes import surface_points
from .boxes import VARIANTS, cut, resampled
from .catalogue import CLASSES, make_object, parts_of_class
from .mesh import Mesh
from .scan import scan, surrounded

SPLITS = ('train', 'val', 'test')
SCAN_TRIES = 40
_MESH, _SURFACE, _SCENE, _SCAN, _CUT = range(5)


@dataclass(frozen=True)
class WorldObject:
    """Object `number` of a class in a split of the world of a seed; a pure function of these four."""

    seed: int
    split: str
    name: str
    number: int

    def generator(self, *stream: int) -> np.random.Generator:
        """Random numbers of one purpose."""
        place = (SPLITS.index(self.split), CLASSES.index(self.name), self.number)
        return np.random.default_rng([self.seed, *place, *stream])

    @property
    def label(self) -> int:
        """Row in CLASSES."""
        return CLASSES.index(self.name)

    @property
    def title(self) -> str:
        """Class, split and number from 1."""
        return f'{self.name}_{self.split}_{self.number + 1:04d}'

    @cached_property
    def mesh(self) -> Mesh:
        """Standing at the origin, metres."""
        return make_object(self.name, self.generator(_MESH))

    def clean(self, n_points: int) -> tuple[np.ndarray, np.ndarray]:
        """xyz (n, 3) float32 uniform over the surface, metres, z up; face (n,) int64 of the mesh that each lies on."""
        xyz, face = surface_points(self.mesh.triangles(), n_points, self.generator(_SURFACE))
        return xyz.astype(np.float32), face

    def parts(self, face: np.ndarray) -> np.ndarray:
        """(n,) int64, the parts of some faces in ShapeNetPart's numbers; KeyError where the class has no parts."""
        return np.array(parts_of_class()[self.name])[self.mesh.part[face]]

    def scanned(self, n_points: int, variants: Sequence[str] = VARIANTS) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """variant of boxes.py -> xyz (n, 3) float32, its middle at the origin and its farthest point at 1, z up; own
        (n,) bool.

        All variants are cut out of the same scan; one that shows too little of the object there takes the first later
        one that shows enough, so that a variant does not depend on which others are asked for."""
        found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for attempt in range(SCAN_TRIES):
            scene = surrounded(self.mesh, self.generator(_SCENE, attempt))
            points = scan(scene, self.generator(_SCAN, attempt))
            for variant in (one for one in variants if one not in found):
                rng = self.generator(_CUT, attempt, VARIANTS.index(variant))
                rows = cut(points, scene, variant, rng)
                if rows is not None:
                    rows = resampled(rows, n_points, rng)
                    found[variant] = in_unit_sphere(points.xyz[rows]).astype(np.float32), points.own[rows]
            if len(found) == len(variants):
                return found
        raise RuntimeError(f'{self}: no scan of {SCAN_TRIES} shows enough of it in {set(variants) - set(found)}')


def in_unit_sphere(xyz: np.ndarray) -> np.ndarray:
    """Moved to its mean and divided by the largest distance from it, as ScanObjectNN's clouds are."""
    xyz = xyz - xyz.mean(0)
    return xyz / np.linalg.norm(xyz, axis=1).max()
