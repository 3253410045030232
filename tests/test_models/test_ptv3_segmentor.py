"""PTv3 that labels points: every raw point gets its voxel's logits; what is frozen stays as it is."""

import pytest
import torch
from mmdet3d.structures import Det3DDataSample, PointData
from torch import nn
from torch.testing import assert_close

from dos_mm3d.models.backbones.ptv3 import Cloud, PTv3
from dos_mm3d.models.segmentors import PTv3Segmentor

CHANNELS = dict(m1=[8, 12, 16], m2=[8, 12, 16], m3=[6, 12, 24])
ENCODER = dict(depths=[1, 2, 1], heads=[1, 2, 2], patch_sizes=32)
DECODER = dict(channels=[12, 16], depths=[1, 1], heads=[2, 2])
CLASSES, SIZE_M = 4, 0.5
EXACT = dict(atol=1e-6, rtol=1e-6)  # logits are float32, of a network in float64
PROBES = [('m2', None, 'backbone'), ('m1', DECODER, 'backbone'), ('m1', DECODER, 'encoder'), ('m2', DECODER, 'encoder')]


def segmentor(variant: str = 'm2', decoder=None, frozen=None, **settings) -> PTv3Segmentor:
    torch.manual_seed(0)
    # the curves z and z-trans do not depend on how large the largest cloud of a batch is
    backbone = dict(
        type='PTv3',
        in_channels=4,
        encoder=dict(channels=CHANNELS[variant], **ENCODER),
        decoder=decoder,
        variant=variant,
        orders=('z', 'z-trans'),
        **settings,
    )
    net = PTv3Segmentor(
        backbone,
        dict(type='PointHead', num_classes=CLASSES, ignore_index=CLASSES),
        [SIZE_M] * 3,
        frozen,
        data_preprocessor=dict(type='Det3DDataPreprocessor'),
    )
    for parameter in net.backbone.parameters():  # far from the symmetric start, so that a slip shows
        nn.init.normal_(parameter, std=0.3)
    return net.eval()


def points(sizes=(500, 350)) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, 4, generator=generator) * torch.tensor([4.0, 4.0, 1.0, 1.0]) for n in sizes]


def batch(clouds: list[torch.Tensor]) -> dict:
    """Labels 0 to 3 by quadrant, every tenth point ignored."""
    samples = []
    for cloud in clouds:
        labels = (cloud[:, 0] > 0).long() + 2 * (cloud[:, 1] > 0)
        labels[::10] = CLASSES
        samples.append(Det3DDataSample(gt_pts_seg=PointData(pts_semantic_mask=labels)))
    return dict(inputs=dict(points=clouds), data_samples=samples)


def train_steps(net: PTv3Segmentor, n: int = 2) -> None:
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.1)
    net.train()
    for _ in range(n):
        optimizer.zero_grad()
        sum(net(**batch(points()), mode='loss').values()).backward()
        optimizer.step()


@torch.no_grad()
def logits_by_hand(net: PTv3Segmentor, cloud: torch.Tensor) -> torch.Tensor:
    """(n, CLASSES) of one cloud: voxels from a dictionary, every stage gathered through the chain of poolings."""
    cells = torch.floor(cloud[:, :3] / SIZE_M).long()
    cells = [tuple(cell) for cell in (cells - cells.amin(0)).tolist()]
    voxels = sorted(set(cells))
    row_of = {voxel: row for row, voxel in enumerate(voxels)}
    members = torch.tensor([row_of[cell] for cell in cells])
    mean = torch.stack([cloud[members == row].mean(0) for row in range(len(voxels))])
    grid = torch.tensor(voxels)
    level = net.backbone(Cloud.from_points(mean, mean[:, :3], torch.zeros(len(grid)), grid_coord=grid))
    parts = [level.feat]
    while net.backbone.dec is None and level.finer is not None:
        parts = [level.finer.feat, *(part[level.row_of_finer] for part in parts)]
        level = level.finer
    head = net.decode_head.conv_seg
    return (torch.cat(parts, 1) @ head.weight.T + head.bias)[members].float()


@pytest.mark.parametrize(('variant', 'decoder'), [('m2', None), ('m2', DECODER), ('m1', DECODER), ('m3', None)])
def test_every_raw_point_gets_the_logits_of_its_voxel(variant, decoder):
    net, clouds = segmentor(variant, decoder).double(), [cloud.double() for cloud in points()]
    samples = net.predict(dict(points=clouds), batch(clouds)['data_samples'])
    for cloud, sample in zip(clouds, samples, strict=True):
        wanted = logits_by_hand(net, cloud)
        assert_close(sample.pts_seg_logits.pts_seg_logits.T, wanted, **EXACT)
        assert torch.equal(sample.pred_pts_seg.pts_semantic_mask, sample.pts_seg_logits.pts_seg_logits.argmax(0))
    assert_close(net(dict(points=clouds)), torch.cat([logits_by_hand(net, cloud) for cloud in clouds]), **EXACT)


@torch.no_grad()
def test_order_of_points_is_irrelevant():
    net, cloud = segmentor().double(), points((400,))[0].double()
    shuffled = torch.randperm(400, generator=torch.Generator().manual_seed(5))
    assert_close(net(dict(points=[cloud[shuffled]])), net(dict(points=[cloud]))[shuffled], **EXACT)


@pytest.mark.parametrize(('variant', 'decoder', 'frozen'), PROBES)
def test_training_leaves_the_frozen_part_as_it_is(variant, decoder, frozen):
    net = segmentor(variant, decoder, frozen)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    train_steps(net)
    trains = ('decode_head.', 'backbone.dec.') if frozen == 'encoder' else ('decode_head.',)
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith(trains) for name in changed)
    learnt = {name for name, _ in net.named_parameters() if name.startswith(trains)}
    assert learnt <= changed
    for name, parameter in net.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None) == name.startswith(trains)
    for name, module in net.backbone.named_modules():
        assert module.training == f'backbone.{name}.'.startswith(trains), name
    if variant == 'm1' and frozen == 'encoder':
        assert any('running_mean' in name for name in changed), 'the decoder trains, its statistics too'


def test_full_fine_tuning_trains_everything():
    net = segmentor('m1', DECODER)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    train_steps(net)
    still = [name for name, value in net.state_dict().items() if torch.equal(value, before[name])]
    assert still == []


@torch.no_grad()
@pytest.mark.parametrize(('variant', 'decoder', 'frozen'), PROBES)
def test_a_frozen_encoder_computes_the_same_in_training(variant, decoder, frozen):
    """Neither drop path nor shuffled curves nor batch statistics."""
    found = {}

    def keep(name):
        return lambda module, inputs, output: found.__setitem__(name, output.feat)

    net = segmentor(variant, decoder, frozen, block=dict(drop_path=0.5))
    for name in ('eval', 'train'):
        net.train(name == 'train')
        handle = net.backbone.enc.register_forward_hook(keep(name))
        with torch.enable_grad():
            net(dict(points=points()))
        handle.remove()
    assert torch.equal(found['eval'], found['train'])


@pytest.mark.parametrize('thaw', ['train', 'gradient', 'one norm'])
def test_a_frozen_part_that_would_train_stops_the_step(thaw):
    net = segmentor('m1', DECODER, 'encoder').train()
    net(**batch(points()), mode='loss')
    if thaw == 'train':
        net.backbone.train()
    elif thaw == 'gradient':
        net.backbone.requires_grad_()
    else:
        net.backbone.embedding.stem.norm.train()
    with pytest.raises(RuntimeError, match='frozen modules'):
        net(**batch(points()), mode='loss')


def test_a_few_steps_reduce_the_loss():
    net = segmentor('m2', DECODER)
    first = sum(net.train()(**batch(points()), mode='loss').values()).item()
    train_steps(net, 15)
    assert sum(net(**batch(points()), mode='loss').values()).item() < 0.8 * first


@pytest.mark.parametrize(
    ('decoder', 'frozen', 'message'), [(None, 'encoder', 'decoder is None'), (DECODER, 'decoder', 'wanted')]
)
def test_impossible_probes_are_refused(decoder, frozen, message):
    with pytest.raises(ValueError, match=message):
        segmentor('m2', decoder, frozen)


def test_head_follows_the_width_of_the_features():
    widths = {None: 8 + 12 + 16, 'decoder': 12}
    assert segmentor().decode_head.channels == widths[None]
    assert segmentor(decoder=DECODER).decode_head.channels == widths['decoder']
    assert isinstance(segmentor().backbone, PTv3)
