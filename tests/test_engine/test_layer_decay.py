"""Layer-wise rates against a written-out table, and through the schedules."""

from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS, PARAM_SCHEDULERS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from dos_mm3d.models.segmentors import PTv3Segmentor

ROOT = Path(__file__).resolve().parents[2]
LR, DECAY = 0.1, 0.5


def segmentor(**settings) -> PTv3Segmentor:
    return PTv3Segmentor(
        dict(
            type='PTv3',
            in_channels=3,
            encoder=dict(channels=[4, 8], depths=[1, 2], heads=[1, 1]),
            decoder=dict(channels=[4], depths=[1], heads=[1]),
        ),
        dict(type='PointHead', num_classes=2, ignore_index=2),
        [0.1] * 3,
        **settings,
    )


def wrapper(model: nn.Module, paramwise_cfg: dict | None = None, **optimizer):
    return build_optim_wrapper(
        model,
        dict(
            constructor='LayerDecay',
            paramwise_cfg=dict(layer_decay=DECAY) if paramwise_cfg is None else paramwise_cfg,
            optimizer=dict(type='AdamW', weight_decay=0.02) | (optimizer or dict(lr=LR)),
        ),
    )


def rates(model: nn.Module, optim_wrapper) -> dict[str, float]:
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups = optim_wrapper.optimizer.param_groups
    return {names[parameter]: group['lr'] for group in groups for parameter in group['params']}


# a prefix of names -> rate: one stem, three blocks, then everything that starts untrained
TABLE = {
    'backbone.embedding.': 0.00625,
    'backbone.enc.enc0.block0.': 0.0125,
    'backbone.enc.enc1.down.': 0.025,
    'backbone.enc.enc1.block0.': 0.025,
    'backbone.enc.enc1.block1.': 0.05,
    'backbone.dec.dec0.up.': 0.1,
    'backbone.dec.dec0.block0.': 0.1,
    'decode_head.': 0.1,
}


def test_rates_are_those_of_the_table():
    model = segmentor()
    found = rates(model, wrapper(model))
    assert set(found) == {name for name, _ in model.named_parameters()}
    used = set()
    for name, rate in found.items():
        (prefix,) = (prefix for prefix in TABLE if name.startswith(prefix))
        used.add(prefix)
        assert rate == pytest.approx(TABLE[prefix]), name
    assert used == set(TABLE)


def test_each_parameter_is_in_one_group_with_the_common_weight_decay():
    model = segmentor()
    groups = wrapper(model).optimizer.param_groups
    assert sum(len(group['params']) for group in groups) == len(list(model.parameters()))
    assert [group['depth'] for group in groups] == [0, 1, 2, 3, 4]
    assert {group['weight_decay'] for group in groups} == {0.02}


def test_a_model_around_the_segmentor_and_frozen_parameters():
    model = nn.Module()
    model.inner = segmentor(frozen='encoder')
    found = rates(model, wrapper(model))
    assert set(found.values()) == {LR}
    assert set(found) == {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_first_step_moves_each_layer_by_its_rate():
    """AdamW's first step is the rate times the sign of the gradient, without weight decay."""
    model = segmentor()
    optim_wrapper = wrapper(model, lr=LR, weight_decay=0.0, eps=0.0)
    before = {name: value.detach().double().clone() for name, value in model.named_parameters()}
    found = rates(model, optim_wrapper)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optim_wrapper.optimizer.step()
    for name, value in model.named_parameters():
        moved = (before[name] - value.detach().double()).abs()
        torch.testing.assert_close(moved, torch.full_like(moved, found[name]), rtol=1e-4, atol=1e-6)


def run_schedule(model: nn.Module, schedulers: list[dict], epochs: int) -> list[dict[str, float]]:
    """Rates of every parameter after each epoch of 3 iterations."""
    optim_wrapper = wrapper(model)
    built = []
    for config in schedulers:
        kind = PARAM_SCHEDULERS.get(config['type'])
        arguments = {key: value for key, value in config.items() if key not in ('type', 'convert_to_iter_based')}
        built.append(kind.build_iter_from_epoch(optim_wrapper, epoch_length=3, **arguments))
    history = []
    for _ in range(epochs * 3):
        optim_wrapper.optimizer.step()
        for scheduler in built:
            scheduler.step()
        history.append(rates(model, optim_wrapper))
    return history


@pytest.mark.filterwarnings('ignore')
def test_the_schedule_of_fine_tuning_keeps_the_ratios_and_one_cycle_would_not():
    config = Config.fromfile(ROOT / 'configs/segmentation/ptv3_finetune_synthetic.py')
    model, name, head = segmentor(), 'backbone.embedding.stem.linear.weight', 'decode_head.conv_seg.weight'
    history = run_schedule(model, config.param_scheduler, config.train_cfg.max_epochs)
    assert all(now[name] / now[head] == pytest.approx(1 / 16) for now in history)
    head_rates = [now[head] for now in history]
    assert max(head_rates) == pytest.approx(LR, rel=0.01) and head_rates[-1] < 0.01 * LR
    assert head_rates[0] < 0.5 * LR, 'warm-up'
    one_cycle = [dict(type='OneCycleLR', eta_max=LR, total_steps=10, end=10)]
    flattened = run_schedule(segmentor(), one_cycle, 5)[-1]
    assert flattened[name] == flattened[head]


@pytest.mark.parametrize(
    'wrong', [{}, dict(layer_decay=0.0), dict(layer_decay=1.5), dict(layer_decay=0.5, bias_lr_mult=2)]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match='wanted dict'):
        wrapper(segmentor(), wrong)


def built(config: str) -> nn.Module:
    return MODELS.build(Config.fromfile(ROOT / config).model)


@pytest.mark.parametrize(
    ('config', 'table'),
    [
        (
            'configs/segmentation/minkunet_small_synthetic.py',
            ['backbone.conv_input.', *(f'backbone.encoder.{i}.' for i in range(4)),
             *(f'backbone.decoder.{i}.' for i in range(4)), 'decode_head.'],
        ),
        (
            'configs/centerpoint/centerpoint_small_synthetic.py',
            ['pts_middle_encoder.conv_input.',
             *(f'pts_middle_encoder.encoder_layers.encoder_layer{i}.' for i in (1, 2, 3, 4)),
             'pts_middle_encoder.conv_out.', ('pts_backbone.', 'pts_neck.', 'pts_bbox_head.')],
        ),
    ],
)  # fmt: skip
def test_stages_of_sparse_networks_in_the_order_of_computation(config, table):
    model = built(config)
    found = rates(model, wrapper(model))
    assert set(found) == {name for name, _ in model.named_parameters()}
    for name, rate in found.items():
        (depth,) = (depth for depth, prefix in enumerate(table) if name.startswith(prefix))
        assert rate == pytest.approx(LR * DECAY ** (len(table) - 1 - depth)), name


def test_a_one_cycle_that_keeps_the_shares_of_the_rates():
    """And with one rate for all it is mmengine's."""
    layer = nn.Linear(2, 2)

    def history(kind: str, shares: tuple[float, float]) -> torch.Tensor:
        groups = [dict(params=[p], lr=share * 0.01) for p, share in zip(layer.parameters(), shares)]
        optimizer = torch.optim.AdamW(groups, lr=0.01)
        schedule = PARAM_SCHEDULERS.build(dict(type=kind, optimizer=optimizer, eta_max=0.3, total_steps=20))
        found = []
        for _ in range(20):
            optimizer.step()
            found.append([group['lr'] for group in optimizer.param_groups])
            schedule.step()
        return torch.tensor(found)

    plain, even = history('OneCycleLR', (1.0, 0.1)), history('ProportionalOneCycleLR', (1.0, 1.0))
    assert torch.equal(even, plain), 'mmengine gives both groups one rate, whatever theirs are'
    torch.testing.assert_close(history('ProportionalOneCycleLR', (1.0, 0.1)), plain * torch.tensor([1.0, 0.1]))


def test_a_model_without_layers_and_an_optimizer_without_rate_are_refused():
    with pytest.raises(ValueError, match='0 of PTv3'):
        wrapper(MODELS.build(dict(type='PointHead', channels=3, num_classes=2, ignore_index=2)))
    with pytest.raises(ValueError, match='no lr'):
        wrapper(segmentor(), betas=(0.9, 0.99))
