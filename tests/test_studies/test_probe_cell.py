"""One cell of a probe on tiny worlds: the same numbers as tools/linear_probe.py, the same scans whoever asks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.probe.checkpoint import probe_checkpoint
from dos_mm3d.probe.probe import ProbeSettings
from dos_mm3d.probe.rows import FIXED
from dos_mm3d.studies.protocols import probe_cell as cell_tool
from dos_mm3d.studies.protocols.base import Source
from dos_mm3d.studies.protocols.datasets import DATASETS
from dos_mm3d.studies.protocols.draws import Draws
from dos_mm3d.studies.protocols.probe_plan import ProbePlan
from dos_mm3d.studies.runner import file_sha256
from dos_mm3d.studies.runner.config_file import answer_request

ROOT = Path(__file__).resolve().parents[2]
ONE = Draws({'miou': 1}, n=1, nested=False)


@pytest.fixture(scope='module')
def source(synthetic_nuscenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """An untrained checkpoint of the small sparse encoder."""
    folder = tmp_path_factory.mktemp('source')
    overrides = {'data_root': f'{synthetic_nuscenes}/'}
    cfg = load_with_overrides(ROOT / 'configs/dos/dos_second_synthetic.py', overrides)
    init_default_scope('mmdet3d')
    torch.manual_seed(1)
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, folder / 'model.pth')
    sha = file_sha256(folder / 'model.pth')
    return Source('synthetic', 0, folder / 'model.pth', folder / 'config.py', cfg.to_dict(), sha)


def run(
    folder: Path,
    source: Source,
    dataset: str,
    root: Path,
    draws: Draws,
    network: Mapping[str, Any],
    rows: Any,
    *,
    scored_scans: int | None = None,
) -> dict:
    """The cell as its command line runs it, in this process."""
    plan = ProbePlan(DATASETS[dataset].at(root), 'test', draws, bn_scans=1, scored_scans=scored_scans)
    cell = plan.cell('cell', source, rows, **network)
    folder.mkdir()
    cell.prepare(folder)
    ((_, _, module, *arguments),) = cell.commands(folder)
    assert module == cell_tool.__name__
    answer_request('', cell_tool.answer, arguments)
    return dict(cell.collect(folder))


def test_a_checkpoint_has_the_numbers_of_the_probes_own_tool(
    source: Source, synthetic_nuscenes: Path, tmp_path: Path
) -> None:
    rows = {'dos': ['teacher'], 'dos_raw': ['teacher', 'raw']}
    found = run(tmp_path / 'c', source, 'synthetic', synthetic_nuscenes, ONE, {'kind': 'checkpoint'}, rows)
    settings = ProbeSettings(scans_per_draw=1, n_draws=1)
    config = Config(dict(source.config))
    expected = probe_checkpoint(config, source.checkpoint, settings, seeds=[0], bn_scans=1)
    for row in rows:
        part = found['rows'][row]['miou']
        assert part['miou'] == [pytest.approx(expected[row]['miou'])]
        assert part['per_class']['car'] == [pytest.approx(expected[row]['per_class']['car'])]
        confusion = np.array(part['confusion'])
        assert confusion.sum(1).tolist() == found['scored_points']
    assert found['scored_scans'] == 4


def test_another_data_set_is_probed_with_its_own_classes(
    source: Source, synthetic_semantickitti: Path, tmp_path: Path
) -> None:
    """Fed nuScenes' five channels; a random network, whose BatchNorm is re-estimated, on 19 classes."""
    network = {'kind': 'random', 'seed': 0}
    rows = {'random': ['random']}
    found = run(
        tmp_path / 'c',
        source,
        'synthetic_semantickitti',
        synthetic_semantickitti,
        ONE,
        network,
        rows,
        scored_scans=1,
    )
    request = json.loads((tmp_path / 'c/request.json').read_text())
    assert (request['input']['channels'][4], request['network']['batch_norm_scans']) == ('time lag [s]', 1)
    assert (len(found['classes']), found['training_scans'], found['scored_scans']) == (19, 2, 1)
    assert 0 < found['rows']['random']['miou']['miou'][0] < 100


def test_few_shots_share_their_scans_and_a_size_does_not_depend_on_the_others(
    source: Source, synthetic_semantickitti: Path, tmp_path: Path
) -> None:
    both, one = Draws({'k1': 1, 'k2': 2}, n=2, nested=True), Draws({'k1': 1}, n=2, nested=True)
    rows = {'raw': FIXED['raw']}
    root = synthetic_semantickitti
    found, alone = (
        run(tmp_path / name, source, 'synthetic_semantickitti', root, draws, {'kind': 'none'}, rows)
        for name, draws in (('both', both), ('alone', one))
    )
    assert found['rows']['raw']['k1'] == alone['rows']['raw']['k1']
    assert found['columns']['k1'] == alone['columns']['k1']
    for fewer, more in zip(found['columns']['k1']['draws'], found['columns']['k2']['draws']):
        assert set(fewer) < set(more)
    assert found['columns']['k2']['labelled_frames'] == [2, 2]
    first, second = found['rows']['raw']['k2']['miou']
    assert first == second, 'all scans there are, whatever the order'


def test_what_decides_the_numbers_is_in_the_folder_name(source: Source, synthetic_nuscenes: Path) -> None:
    dataset = DATASETS['synthetic'].at(synthetic_nuscenes)

    def folder(network: Mapping[str, Any], source: Source = source, **changes: Any) -> Path:
        plan = ProbePlan(dataset, **{'split': 'test', 'draws': ONE, 'bn_scans': 1, **changes})
        return plan.cell('cell', source, {'raw': ['raw']}, **network).folder(Path())

    pretrained, none = {'kind': 'checkpoint'}, {'kind': 'none'}
    other = Source(
        *(getattr(source, name) for name in ('dataset', 'number', 'checkpoint', 'config_file', 'config')), 'x'
    )
    assert folder(pretrained) != folder(pretrained, other), 'another checkpoint'
    assert folder(none) == folder(none, other), 'what has no network does not depend on one'
    assert folder(none) == folder(none, bn_scans=2)
    changed = [folder(none, split='validation'), folder(none, draws=Draws({'miou': 2}, 1, False))]
    assert len({folder(none), *changed}) == 3
