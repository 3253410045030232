"""What each of two processes computes for test_two_ranks.py; a module of its own so that spawn can import it."""

from datetime import timedelta
from types import SimpleNamespace

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel

import dos_mm3d  # noqa: F401  (registers)
from dos_mm3d.engine.hooks import CollapseMonitorHook
from dos_mm3d.models.heads import ClusteringHead, ZipfSinkhornHead
from tests.helpers import asymdsd_nets

UNEVEN = (37, 150)
SPAN, SIZE = [-6.4, -6.4, -5, 6.4, 6.4, 3], [0.2, 0.2, 0.2]


def head_inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(F.normalize(torch.randn(sum(UNEVEN), 16, generator=generator).double(), dim=1) for _ in range(2))


def part_of(rank: int | None) -> slice:
    """The points of a rank; all of them for None."""
    return {None: slice(None), 0: slice(0, UNEVEN[0]), 1: slice(UNEVEN[0], None)}[rank]


def run_head(rank: int | None, head_class: type = ZipfSinkhornHead) -> dict[str, torch.Tensor]:
    """Loss and gradients of the head on all points (rank None) or on this rank's share; DDP's mean over ranks."""
    torch.manual_seed(0)
    head = head_class(16, num_prototypes=32, scope='all', n_iters=3).double()
    student, teacher = (features[part_of(rank)] for features in head_inputs())
    if rank is not None:
        head = DistributedDataParallel(head)
    student = student.clone().requires_grad_()
    loss = head(student, teacher, torch.zeros(len(student), dtype=torch.int64))
    loss.backward()
    prototypes = (head.module if rank is not None else head).prototypes
    # each rank's own loss is the same global scalar, so the input gradients are summed twice: halve as DDP does
    scale = 1 if rank is None else 2
    return dict(loss=loss.detach(), prototypes=prototypes.grad, features=student.grad / scale)


def run_exponent(rank: int | None) -> dict[str, torch.Tensor]:
    """State of the estimated exponent after two looks, whatever the scope of the softmap."""
    torch.manual_seed(0)
    head = ZipfSinkhornHead(16, alpha='auto', num_prototypes=32, scope='batch')
    for features in head_inputs():
        head.observe(features[part_of(rank)].float())
    return head.state_dict()


def tiny_views(*extra) -> list:
    """Two scans as ViewPairs, of different sizes; ``extra`` transforms stand between mask and packing."""
    from dos_mm3d.datasets.transforms import BlockMask, PackViews, TwoViews
    from dos_mm3d.structures import Grid

    pairs = []
    for seed, count in ((1, 1500), (2, 700)):
        generator = torch.Generator().manual_seed(seed)
        points = torch.rand(count, 5, generator=generator) * torch.tensor([12.0, 12.0, 3.0, 255.0, 0.0])
        points[:, :3] -= torch.tensor([6.0, 6.0, 2.0])
        results = dict(points=points, generator=generator, file='tiny', skipped=[], grid=Grid(SPAN, SIZE, 2))
        steps = (TwoViews(), BlockMask(), *extra, PackViews())
        for step in steps:
            results = step(results)
        pairs.append(results['views'])
    return pairs


def tiny_model(**parts) -> torch.nn.Module:
    """DOS over a small encoder; ``parts`` are further arguments, or others in their place."""
    from mmdet3d.registry import MODELS

    torch.manual_seed(0)
    encoder = dict(
        type='SparseEncoder',
        in_channels=5,
        sparse_shape=[41, 64, 64],
        output_channels=16,
        order=('conv', 'norm', 'act'),
        base_channels=8,
        encoder_channels=((8, 8, 8), (8, 8, 16), (16, 16, 16), (16, 16)),
        encoder_paddings=((0, 0, 1), (0, 0, 1), (0, 0, [0, 1, 1]), (0, 0)),
        block_type='basicblock',
    )
    voxel_layer = dict(max_num_points=10, voxel_size=SIZE, point_cloud_range=SPAN, max_voxels=(20000, 20000))
    settings = dict(
        type='DOS',
        backbone=dict(
            type='SparseEncoderBackbone',
            voxel_encoder=dict(type='HardSimpleVFE', num_features=5),
            middle_encoder=encoder,
        ),
        projector=dict(type='Projector', hidden_channels=32, out_channels=16),
        head=dict(type='ZipfSinkhornHead', channels=16, num_prototypes=32, scope='all'),
        data_preprocessor=dict(type='ViewPreprocessor', voxel=True, voxel_layer=voxel_layer),
    )
    return MODELS.build({**settings, **parts})


def run_model(rank: int | None) -> dict[str, torch.Tensor]:
    """Loss and parameter gradients of the whole model, BatchNorm in eval mode."""
    model = tiny_model()
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    pairs = tiny_views()
    data = model.data_preprocessor(dict(views=pairs if rank is None else pairs[rank : rank + 1]))
    runner = model if rank is None else DistributedDataParallel(model)
    losses = runner(**data, mode='loss')
    sum(losses.values()).backward()
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return dict(loss=sum(losses.values()).detach(), **grads)


def run_asymdsd(rank: int | None) -> dict[str, dict[str, torch.Tensor]]:
    """Losses, gradients (DDP's mean over ranks) and centres of the dual form on four clouds (rank None), or on this
    rank's two of them."""
    model = asymdsd_nets.build()
    views = asymdsd_nets.batch(model, seeds=range(4) if rank is None else range(2 * rank, 2 * rank + 2))
    over_ranks = model if rank is None else DistributedDataParallel(model)  # held until its gradients are there
    losses = over_ranks(views, mode='loss')
    asymdsd_nets.total(losses).backward()
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    centres = {name: targets.centre for name, targets in model.teacher.targets.items()}
    return dict(losses={name: value.detach() for name, value in losses.items()}, grads=grads, centres=centres)


class Monitored(torch.nn.Module):
    """One buffer, healthy statistics. Of entropies there are none as long as no two points were compared."""

    def __init__(self, entropies: dict[str, float]) -> None:
        super().__init__()
        self.register_buffer('mean', torch.zeros(2))
        self.entropies = entropies

    def collapse_statistics(self) -> dict[str, float]:
        return dict(**self.entropies, feature_spread=0.9)


def run_monitor(rank: int, failure: str) -> list[str]:
    """Warnings of the monitor on this rank in three iterations, all looks, and entropies, if any.

    Rank 1 alone breaks in the first, or has entropies.
    """
    model, warnings = Monitored(dict(column_entropy=0.5) if (rank, failure) == (1, 'no entropy') else {}), []
    hook = CollapseMonitorHook(interval=1, patience=1, on_collapse='warn', draw_interval=100)
    runner = SimpleNamespace(
        model=model,
        iter=0,
        max_iters=100,
        logger=SimpleNamespace(warning=warnings.append),
        message_hub=SimpleNamespace(update_scalar=lambda name, value: None),
        cfg={},
        work_dir='',
        log_dir='',
    )
    for iteration in range(3):
        runner.iter = iteration
        broken = rank == 1 and iteration == 0
        model.mean.fill_(torch.inf if broken and failure == 'buffer' else 0)
        loss = torch.tensor(torch.nan if broken and failure == 'loss' else 1.0, requires_grad=True)
        hook.after_train_iter(runner, iteration, outputs=dict(loss=loss))
    entropies = hook.history.get('column_entropy', dict(value=[]))['value']
    return [*warnings, *map(str, hook.history['feature_spread']['step'] + entropies)]


def work(rank: int, store: str, out: str) -> None:
    """Run all cases as one of two gloo ranks and save what this rank saw."""
    torch.set_num_threads(1)
    # ranks that wait for different reductions fail after ten minutes, not after half an hour
    patience = timedelta(minutes=10)
    dist.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2, timeout=patience)
    seen = dict(
        head=run_head(rank),
        clustering=run_head(rank, ClusteringHead),
        exponent=run_exponent(rank),
        model=run_model(rank),
        asymdsd=run_asymdsd(rank),
        monitor={failure: run_monitor(rank, failure) for failure in ('loss', 'buffer', 'no entropy')},
    )
    torch.save(seen, f'{out}.{rank}')
    dist.destroy_process_group()
