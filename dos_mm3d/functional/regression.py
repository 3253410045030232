"""Per-point feature regression, the ablation without prototypes."""

from torch import Tensor
from torch.nn.functional import normalize

from .sinkhorn import at_least_float32, require_one_shape


def cosine_regression(prediction: Tensor, target: Tensor) -> Tensor:
    """L = 1/N sum_i (2 - 2 cos(prediction_i, target_i)), the squared distance of the unit vectors (BYOL, eq. 2).

    prediction, target: (N, D), N >= 1, of any length; computed in float32 (float64 stays). The target gets no gradient.
    Scalar in [0, 4]; 0 where the directions agree.
    """
    require_one_shape('prediction and target', prediction, target)
    if len(prediction) == 0:
        raise ValueError('cosine_regression got no point: the mean over zero points does not exist')
    prediction, target = at_least_float32(prediction), at_least_float32(target).detach()
    return 2 - 2 * (normalize(prediction, dim=1) * normalize(target, dim=1)).sum(1).mean()
