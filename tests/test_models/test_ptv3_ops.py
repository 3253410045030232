"""How many ops a pretraining step of PTv3 dispatches: on a GPU each is a launch, and small ones are all waiting."""

from pathlib import Path

from spconv.pytorch.conv import SparseConvolution

from tests.helpers.count_ops import CountOps

ROOT = Path(__file__).resolve().parents[2]
MOST_OPS = 1500


def test_the_forward_pass_stays_within_its_budget_of_ops(tiny_pretraining, synthetic_nuscenes, monkeypatch):
    """Voxels, student, teacher and losses; sparse convolutions are kernels of their own and left out."""
    runner = tiny_pretraining(ROOT / 'configs/dos/dos_ptv3_synthetic.py', synthetic_nuscenes, max_points=32768)
    model = runner.model
    loop = runner.build_train_loop(runner._train_loop)
    batch = next(iter(loop.dataloader))
    count = CountOps()
    monkeypatch.setattr(SparseConvolution, 'forward', count.left_out(SparseConvolution.forward))
    with count:
        losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert {'loss_same', 'loss_cross'} <= losses.keys()
    assert count.total() <= MOST_OPS, count.calls.most_common(12)
