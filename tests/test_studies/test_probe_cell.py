"""One cell of a probe on tiny worlds: the numbers of the probe itself, the same scans whoever asks."""

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

from dos_mm3d.datasets.nuscenes.classes import CLASSES
from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.metrics.confusion import miou_percent
from dos_mm3d.models.preprocessors.views import stated_grid
from dos_mm3d.probe.features import EncoderFeatures, extractor_of
from dos_mm3d.probe.pretrained import load_pretrained
from dos_mm3d.probe.probe import ProbeSettings, draw_scans, run_probe
from dos_mm3d.probe.rows import FIXED
from dos_mm3d.probe.scans import ProbeScans
from dos_mm3d.studies.protocols import probe_cell as cell_tool
from dos_mm3d.studies.protocols.base import Source
from dos_mm3d.studies.protocols.datasets import DATASETS
from dos_mm3d.studies.protocols.draws import Draws
from dos_mm3d.studies.protocols.probe_plan import ProbePlan
from dos_mm3d.studies.runner import file_sha256

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
    cell_tool.main(arguments)
    return dict(cell.collect(folder))


def test_a_checkpoint_has_the_numbers_of_its_own_key_frames(
    source: Source, synthetic_nuscenes: Path, tmp_path: Path
) -> None:
    """On the data that it was pretrained on nothing is changed of what an encoder is fed."""
    rows = {'dos': ['teacher'], 'dos_raw': ['teacher', 'raw']}
    found = run(tmp_path / 'c', source, 'synthetic', synthetic_nuscenes, ONE, {'kind': 'checkpoint'}, rows)
    config = Config(dict(source.config))
    model = load_pretrained(config, source.checkpoint)
    grid, dataset = stated_grid(config.model.data_preprocessor), DATASETS['synthetic'].at(synthetic_nuscenes)
    sweeps = config.train_dataloader.dataset.num_sweeps
    train, scored = (ProbeScans(dataset.scans(part, num_sweeps=sweeps), grid) for part in ('probe_train', 'test'))
    extract = extractor_of({'teacher', 'raw'}, EncoderFeatures(model, {'teacher': model.teacher.backbone}))
    settings = ProbeSettings(scans_per_draw=1, n_draws=1)
    draws = draw_scans(len(train), settings)
    expected = run_probe(train, scored, extract, rows, settings, draws=draws, n_classes=len(CLASSES))
    for row in rows:
        part = found['rows'][row]['miou']
        assert part['confusion'] == expected[row][0].tolist()
        assert part['miou'] == [pytest.approx(miou_percent(expected[row][0]))]
        assert np.array(part['confusion']).sum(1).tolist() == found['scored_points']
    assert found['scored_scans'] == 4


def test_a_class_that_does_not_occur_has_no_number() -> None:
    confusions = [np.zeros((16, 16), np.int64) for _ in range(2)]
    for matrix, right in zip(confusions, (50, 60)):
        matrix[0, 0], matrix[0, 1] = right, 100 - right
    found = cell_tool.summarise(confusions, CLASSES)
    assert found['miou'] == pytest.approx([50, 60])
    assert found['per_class']['barrier'] == pytest.approx([50, 60])
    assert found['per_class']['bicycle'] == [None, None]
    assert found['confusion'][0][:2] == [110, 90]


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
    (every,) = found['columns']['k2']['draws']
    for fewer in found['columns']['k1']['draws']:
        assert set(fewer) < set(every)
    assert found['columns']['k2']['labelled_frames'] == [2], 'all scans there are: one draw, whatever the order'
    assert len(found['rows']['raw']['k2']['miou']) == 1


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
