"""Features of clouds by a frozen network or by shape descriptors."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ...datasets.objects import ObjectSet
from ...datasets.stream import sample_generator
from ...functional.patches import in_unit_sphere, pooled_features
from ...functional.shape_descriptors import shape_descriptor
from ...models.backbones import PatchEncoder
from ...progress import progress_bar
from .inputs import DrawnClouds, FedObjects, ObjectInput, feed, in_order
from .networks import pools_of

BATCH = 64


@torch.no_grad()
def in_batches(
    model: nn.Module, clouds: DrawnClouds, device: torch.device, *, workers: int = 0, shown: str = ''
) -> Tensor:
    """What a model in eval mode says of every cloud, (N, ...) float32 on the CPU.

    model: called with FedObjects.  shown: what a bar of progress is of, none if empty.
    """
    loader = clouds.loader(in_order(len(clouds), BATCH), workers)
    batches = progress_bar(loader, shown, disable=not shown)
    return torch.cat([model(feed(crops, device)).float().cpu() for crops, _, _ in batches])


class Pooled(nn.Module):
    """Pooled features of an encoder, which is left as it is.

    Args:
        encoder: frozen.
        pools: of 'cls', 'mean' and 'max'; 'cls' is left out where the encoder has none.
    """

    def __init__(self, encoder: PatchEncoder, pools: Sequence[str]) -> None:
        super().__init__()
        self.encoder, self.pools = encoder, pools_of(encoder, pools)

    def forward(self, fed: FedObjects) -> Tensor:
        """(R, C)."""
        return pooled_features(*self.encoder(*self.encoder.embed(fed.patches, fed.centres)), self.pools)


def encoder_features(
    encoder: PatchEncoder,
    objects: ObjectSet,
    rows: Sequence[int],
    fed: ObjectInput,
    pools: Sequence[str],
    device: torch.device,
    *,
    views: int = 1,
    seed: int = 0,
    workers: int = 0,
) -> Tensor:
    """(views, N, C) float32: features of each cloud as it is drawn in so many passes."""
    model = Pooled(encoder, pools).to(device).eval()
    clouds = DrawnClouds(objects, rows, fed, seed=seed)
    found = []
    for clouds.epoch in range(views):
        found.append(in_batches(model, clouds, device, workers=workers, shown='features'))
    return torch.stack(found)


def described(objects: ObjectSet, rows: Sequence[int], fed: ObjectInput, *, with_size: bool, seed: int = 0) -> Tensor:
    """(N, C) float32 shape descriptors of the very points that networks are fed, in the unit sphere.

    with_size: beside them log of the extent along each axis in the unit of the data, which networks do not see.
    """
    clouds = DrawnClouds(objects, rows, fed.plain, seed=seed)
    found = []
    for position in progress_bar(range(len(clouds)), 'descriptors'):
        points = clouds[position][0].points
        order = torch.randperm(points.shape[1], generator=sample_generator(seed, position))  # far points come first
        parts = [shape_descriptor(in_unit_sphere(points)[0, order])]
        if with_size:
            extent = points[0].amax(0) - points[0].amin(0)
            parts.append(extent.clamp_min(1e-6).log())
        found.append(torch.cat(parts).float())
    return torch.stack(found)


def unit_rows(features: Tensor) -> Tensor:
    """Every row divided by its length."""
    return nn.functional.normalize(features, dim=-1)


def standardised(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """All with the means and deviations of `train` (N, C) taken out; a column that is constant there becomes 0."""
    mean, deviation = train.mean(0), train.std(0, unbiased=False)
    varies = deviation > 1e-6 * train.abs().amax(0).clamp_min(1e-12)
    scale = torch.where(varies, 1 / deviation.clamp_min(1e-30), 0)
    return tuple((one - mean) * scale for one in (train, *others))


def as_numpy(features: Tensor) -> np.ndarray:
    """(N, C) float64, which scikit-learn computes in."""
    return features.double().numpy()
