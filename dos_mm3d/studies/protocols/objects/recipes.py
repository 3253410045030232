"""How sets of objects are fed and what is trained on them: AsymDSD's settings, by the format of the set."""

from dataclasses import dataclass

from ....probe.objects.fitting import FitRecipe, Stage
from ....probe.objects.inputs import ObjectInput
from .sources import CropSizes

HEAD = Stage(150, 5e-4, 1e-7, warmup_epochs=10)
SCRATCH = FitRecipe((Stage(150, 1e-3, 1e-7, warmup_epochs=10),))
"""From scratch, and of the PointNet."""
FROZEN_HEAD = FitRecipe((HEAD,))
"""Linear and MLP-3 on frozen features."""
FEW_SHOT = FitRecipe((Stage(150, 1e-3, 1e-6, warmup_epochs=10),))
PARTS = FitRecipe((Stage(300, 2e-4, 1e-7, warmup_epochs=10),), batch_size=16, label_smoothing=0.0)
DROP_PATH = 0.2
VIEWS = 10
"""Augmented views of each object, whose features are kept for heads on a frozen encoder."""


@dataclass(frozen=True)
class SetRecipe:
    """Of the sets of one format.

    Args:
        finetune: how a pretrained encoder and its head are trained.
        times: points and patches over those of the whole crops of the pretraining.
        scale: range of the factors of the three axes.
        turned: whether clouds are turned about z.
    """

    finetune: FitRecipe
    times: int
    scale: tuple[float, float]
    turned: bool = False


_WHOLE = FitRecipe((Stage(150, 2e-5, 1e-7, warmup_epochs=10),))
_TWO_STAGES = FitRecipe(
    (
        Stage(50, 5e-4, 5e-5, straight=True, frozen=True),
        Stage(100, 2e-5, 1e-7, warmup_epochs=10),
    )
)
RECIPES = {
    'modelnet40': SetRecipe(_TWO_STAGES, times=1, scale=(0.6, 1.4)),
    'scanobjectnn': SetRecipe(_WHOLE, times=2, scale=(0.9, 1.1), turned=True),
    'shapenetpart': SetRecipe(_WHOLE, times=2, scale=(0.8, 1.25)),
}
"""Format of a set -> recipe."""
OTHER = SetRecipe(_WHOLE, times=1, scale=(0.9, 1.1), turned=True)
"""Of any other format, such as objects out of sweeps; ours, not AsymDSD's."""


def recipe_of(form: str) -> SetRecipe:
    """By the format of a set."""
    return RECIPES.get(form, OTHER)


def fed_as(form: str, whole: CropSizes, **given: int | None) -> ObjectInput:
    """How a set of a format is fed.

    Args:
        form: of the set.
        whole: of the pretraining.
        given: points, patches, points_per_patch in place of what follows from these, where not None.
    """
    recipe = recipe_of(form)
    sizes = {
        'points': recipe.times * whole.points,
        'patches': recipe.times * whole.patches,
        'points_per_patch': whole.points_per_patch,
    }
    sizes |= {name: value for name, value in given.items() if value is not None}
    return ObjectInput(**sizes, scale=recipe.scale, turned=recipe.turned)
