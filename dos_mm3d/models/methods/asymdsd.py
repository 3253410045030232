"""AsymDSD: asymmetric dual self-distillation of objects (arXiv 2506.21724); equations in docs/objects.md."""

import math
from typing import NamedTuple

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError
from ...functional.collapse import marginal_entropy, posterior_entropy
from ...functional.distributed import all_ranks
from ...functional.self_distillation import distillation_loss, distillation_loss_of_pairs, koleo_loss
from ...structures import ObjectViews, PatchCrops
from ..backbones.patch_transformer import PatchFeatures
from ..backbones.patch_transformer.layers import token
from .student_teacher import StudentTeacher

REGRESSION_BETA = 2.0
"""Where smooth L1 turns from quadratic to linear."""


class ObjectNetwork(BaseModule):
    """Encoder and heads of one side.

    Args:
        encoder: config of a :class:`PatchEncoder`; ``cls_token`` is added.
        heads: branch, 'patch' or 'cls' -> config of a :class:`CategoryHead`; ``in_channels`` is added.
    """

    def __init__(self, encoder: dict, heads: dict[str, dict]) -> None:
        super().__init__()
        self.encoder = MODELS.build({**encoder, 'cls_token': 'cls' in heads})
        width = self.encoder.channels
        self.heads = nn.ModuleDict({name: MODELS.build({'in_channels': width, **head}) for name, head in heads.items()})


class Taught(NamedTuple):
    """What the teacher says of whole crops.

    Args:
        patches: (B G, P, D) features.
        targets: branch -> distributions, 'patch' (B G, P, Z), 'cls' (B, G, Z).
    """

    patches: Tensor
    targets: dict[str, Tensor]


class Term(NamedTuple):
    """A part of the loss.

    Args:
        value: scalar.
        weight: its share is the weight over the sum of weights.
    """

    value: Tensor
    weight: float


@MODELS.register_module()
class AsymDSD(StudentTeacher):
    """The teacher sees whole crops; the student a few visible patches of them, and predicts the teacher's categories
    of the hidden ones (patch branch) and of the whole cloud (CLS branch).

    With both branches it is the dual form; with ``patch`` and ``predictor`` alone masked modelling (MPM), without any
    CLS token; with ``cls`` alone invariance over crops. The loss is the mean of its terms by their weights. The
    predictor and the mask token are the student's, the centres the teacher's, which is always in eval mode.

    Args:
        encoder: config of a :class:`PatchEncoder`.
        data_preprocessor: config of the :class:`PatchPreprocessor`.
        patch: dict(head=config of a :class:`CategoryHead`, targets=config of :class:`CentredTargets`, to which
            ``num_categories`` is added), or None.
        cls: the same of the CLS branch, or None.
        predictor: config of a :class:`PatchPredictor`, with ``patch``; ``in_channels`` is added.
        student_temperature: tau_S of both branches.
        koleo_weight: of the term that spreads the student's CLS features, where there are some.
        regression_weight: of smooth L1 between predicted and teacher's patch features; 0: none.
    """

    def __init__(
        self,
        encoder: dict,
        data_preprocessor: dict,
        patch: dict | None = None,
        cls: dict | None = None,
        predictor: dict | None = None,
        student_temperature: float = 0.1,
        koleo_weight: float = 0.01,
        regression_weight: float = 0.0,
    ) -> None:
        branches = {name: branch for name, branch in dict(patch=patch, cls=cls).items() if branch is not None}
        if not branches or (patch is None) != (predictor is None):
            raise InputError(
                f'AsymDSD got branches {list(branches)} and predictor {predictor}: wanted patch with a predictor, cls, '
                'or both'
            )
        if not 0 < student_temperature < math.inf:
            raise InputError(f'student_temperature divides logits and must be more than 0, got {student_temperature}')
        if not 0 <= min(koleo_weight, regression_weight) <= max(koleo_weight, regression_weight) < math.inf:
            raise InputError(
                f'koleo_weight and regression_weight must be 0 or more, and finite; got {koleo_weight} and '
                f'{regression_weight}'
            )
        super().__init__(
            ObjectNetwork(encoder, {name: branch['head'] for name, branch in branches.items()}), data_preprocessor
        )
        width = self.student.encoder.channels
        # without a predictor it is of no use, but in the published files
        self.student.mask_token = token(width).requires_grad_(predictor is not None)
        if predictor is not None:
            self.student.predictor = MODELS.build({'in_channels': width, **predictor})
        self.teacher.targets = nn.ModuleDict(
            {
                name: MODELS.build({'num_categories': len(self.student.heads[name].bias), **branch['targets']})
                for name, branch in branches.items()
            }
        )
        self.student_temperature = student_temperature
        self.koleo_weight = koleo_weight
        self.regression_weight = regression_weight
        self.last_targets: dict[str, Tensor] = {}

    def train(self, mode: bool = True) -> 'AsymDSD':
        super().train(mode)
        self.teacher.eval()
        return self

    def set_step(self, step: int, total_steps: int) -> None:
        """Drive the schedules that the model owns."""
        for targets in self.teacher.targets.values():
            targets.set_step(step, total_steps)

    def forward(self, views: ObjectViews, mode: str = 'loss') -> dict[str, Tensor]:
        if mode != 'loss':
            raise InputError(f'AsymDSD is for pretraining and has mode loss only, got {mode!r}')
        return self.loss(views)

    def loss(self, views: ObjectViews) -> dict[str, Tensor]:
        """Weighted terms 'loss_*', whose sum is the loss, and the terms themselves."""
        self.check(views)
        taught = self.teach(views.whole)
        embedded = self.student.encoder.embed(views.whole.patches, views.whole.centres)
        terms: dict[str, Term] = {}
        seen = None
        if 'patch' in self.student.heads:
            seen, predicted = self.predict(*embedded, views.masked)
            terms |= self.patch_terms(predicted, taught, views.masked)
        values = {}
        if 'cls' in self.student.heads:
            cls_terms, values = self.cls_terms(views, embedded, seen, taught.targets['cls'])
            terms |= cls_terms
        total = sum(term.weight for term in terms.values())
        losses = {f'loss_{name}': term.value * (term.weight / total) for name, term in terms.items()}
        return {**losses, **values, **{name: term.value.detach() for name, term in terms.items()}}

    def check(self, views: ObjectViews) -> None:
        """InputError where the views lack what the branches compare."""
        if 'patch' in self.student.heads and views.masked is None:
            raise InputError('the patch branch of AsymDSD got no mask: draw some in the pipeline, or leave patch out')
        if views.masked is not None and len(counts := views.masked.sum(2).unique()) > 1:
            raise ValueError(f'wanted as many masked patches in each mask of a batch, got {counts.tolist()}')
        if 'cls' in self.student.heads and views.whole.per_cloud < 2:
            raise InputError('the CLS branch of AsymDSD compares global crops of a cloud, and got one: draw two')

    @torch.no_grad()
    def teach(self, whole: PatchCrops) -> Taught:
        """Features and targets of whole crops; centres move afterwards, while training."""
        features = self.teacher.encoder(*self.teacher.encoder.embed(whole.patches, whole.centres))
        inputs = {'patch': features.patches}
        if features.cls is not None:
            inputs['cls'] = features.cls.unflatten(0, (-1, whole.per_cloud))
        logits = {name: head(inputs[name]) for name, head in self.teacher.heads.items()}
        distributions = {name: self.teacher.targets[name](value) for name, value in logits.items()}
        if self.training:
            for name, value in logits.items():
                self.teacher.targets[name].move_centre(value, all_ranks())
        self.last_targets = distributions
        return Taught(features.patches, distributions)

    def predict(self, tokens: Tensor, positions: Tensor, masked: Tensor) -> tuple[PatchFeatures, Tensor]:
        """What the student makes of the visible patches, and its features (B G M, Q, D) of the hidden ones.

        tokens, positions: (B G, P, D); masked: (B G, M, P). Visible and hidden patches keep their order.
        """
        tokens, positions = (x.repeat_interleave(masked.shape[1], 0) for x in (tokens, positions))
        hidden = masked.flatten(0, 1)
        seen = self.student.encoder(select(tokens, ~hidden), select(positions, ~hidden))
        return seen, self.student.predictor(self.student.mask_token, select(positions, hidden), seen.rows)

    def patch_terms(self, predicted: Tensor, taught: Taught, masked: Tensor) -> dict[str, Term]:
        """Cross-entropy at every hidden patch, and the regression, where it has a weight."""
        hidden = masked.flatten(0, 1)

        def at_hidden(whole: Tensor) -> Tensor:
            return select(whole.repeat_interleave(masked.shape[1], 0), hidden)

        logits = self.student.heads['patch'](predicted)
        target = at_hidden(taught.targets['patch'])
        terms = {'patch': Term(distillation_loss(logits, target, temperature=self.student_temperature), 1.0)}
        if self.regression_weight:
            value = F.smooth_l1_loss(predicted, at_hidden(taught.patches), beta=REGRESSION_BETA)
            terms['regression'] = Term(value, self.regression_weight)
        return terms

    def cls_terms(
        self, views: ObjectViews, embedded: tuple[Tensor, Tensor], seen: PatchFeatures | None, target: Tensor
    ) -> tuple[dict[str, Term], dict[str, Tensor]]:
        """The mean of the parts of the CLS branch, and KoLeo; and the parts by name, for the log.

        Local crops, and masked global ones (with the same crop among their targets), against all global crops;
        unmasked: the first crop alone against the others. Without masks, instead of both, all crops against all.
        """
        encoder, crops = self.student.encoder, views.whole.per_cloud
        # name -> the student's CLS features (B, S, D) and the targets (B, T, Z) of all their pairs
        parts: dict[str, tuple[Tensor, Tensor]] = {}
        if seen is None:
            parts['global'] = encoder(*embedded).cls.unflatten(0, (-1, crops)), target
        else:
            first = encoder(*(x[::crops] for x in embedded)).cls[:, None]
            parts['unmasked'] = first, target[:, 1:]
            parts['masked'] = seen.cls.unflatten(0, (len(first), -1)), target
        spread = torch.cat([features for features, _ in parts.values()], dim=1)
        if views.local is not None:
            local = encoder(*encoder.embed(views.local.patches, views.local.centres))
            parts['local'] = local.cls.unflatten(0, (-1, views.local.per_cloud)), target
        head, tau = self.student.heads['cls'], self.student_temperature
        losses = {
            name: distillation_loss_of_pairs(head(features), targets, temperature=tau)
            for name, (features, targets) in parts.items()
        }
        terms = {'cls': Term(torch.stack(list(losses.values())).mean(), 1.0)}
        terms['koleo'] = Term(koleo_loss(spread, process_group=all_ranks()), self.koleo_weight)
        return terms, {f'cls_{name}': value.detach() for name, value in losses.items()}

    @torch.no_grad()
    def collapse_statistics(self) -> dict[str, float]:
        """Of the last step and this rank, for each branch, over log Z: entropy of the teacher's mean distribution, and
        mean entropy of its distributions."""
        if not self.last_targets:
            raise RuntimeError('collapse_statistics was asked for before the first loss')
        statistics = {}
        for name, target in self.last_targets.items():
            largest = math.log(target.shape[-1])
            statistics[f'{name}_marginal_entropy'] = float(marginal_entropy(target)) / largest
            statistics[f'{name}_posterior_entropy'] = float(posterior_entropy(target)) / largest
        return statistics


def select(rows: Tensor, chosen: Tensor) -> Tensor:
    """The chosen patches of each row, as many of each, in their order; (R, P, D), (R, P) bool -> (R, Q, D)."""
    picked = chosen.flatten().nonzero().squeeze(1)
    return rows.flatten(0, 1).index_select(0, picked).unflatten(0, (len(rows), -1))
