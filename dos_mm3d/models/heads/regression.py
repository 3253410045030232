"""Per-point feature regression, without prototypes."""

from mmdet3d.registry import MODELS
from torch import Tensor

from ...functional.regression import cosine_regression
from .base import DistillationHead
from .projector import Projector


@MODELS.register_module()
class RegressionHead(DistillationHead):
    """A predictor of the teacher's feature from the student's, and their squared distance on the sphere (BYOL).

    Without prototypes constant features are a zero of the loss, as in DOS, and nothing sharpens the targets; what
    keeps the features apart is the predictor, which only the student has (Grill et al. 2020). Points are
    compared one by one, so there is no scope: the mean runs over the rows of this rank. Of the collapse statistics
    only rank and spread of the features exist; those of prototypes and softmaps are absent.

    Args:
        channels: width D of the projected features.
        hidden_channels: width inside the predictor.
    """

    def __init__(self, channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.predictor = Projector(channels, hidden_channels, channels)

    def loss(self, student: Tensor, teacher: Tensor, cloud_index: Tensor) -> Tensor:
        prediction = self.predictor(student)
        return cosine_regression(prediction, teacher) if len(student) >= 2 else prediction.sum() * 0
