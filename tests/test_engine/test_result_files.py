"""Where the results of a test cannot be written, that is said before it begins."""

from pathlib import Path

import pytest
from mmengine.config import Config

from dos_mm3d.engine.launch import check_data
from dos_mm3d.engine.result_files import RESULTS, check_result_files
from dos_mm3d.errors import InputError


@pytest.mark.parametrize('key', RESULTS)
def test_a_place_that_takes_nothing_is_named_with_its_setting(key: str, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    metrics = [dict(type='IndoorMetric'), {'type': 'AnyMetric', key: str(tmp_path / 'file' / 'deep' / 'name')}]
    with pytest.raises(InputError, match=rf'nothing can be written there.*Correct test_evaluator\.{key}'):
        check_result_files('test', metrics)
    metrics[1][key] = str(tmp_path / 'new' / 'name')
    check_result_files('test', metrics)
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize('kind', ['NuScenesMetric', 'KittiMetric'])
def test_results_alone_without_a_name_for_them_are_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf'val_evaluator\.format_only=True of {kind}.*jsonfile_prefix=FOLDER/NAME'):
        check_result_files('val', [dict(type=kind, format_only=True)])
    check_result_files('val', [dict(type=kind, format_only=True, jsonfile_prefix=str(tmp_path / 'a'))])


def test_it_is_asked_where_the_data_are_looked_at(tmp_path: Path) -> None:
    loader = dict(dataset=dict(type='DataOfOthers'))
    cfg = Config(dict(test_dataloader=loader, test_evaluator=dict(type='A', out_file=f'{__file__}/a/b.json')))
    with pytest.raises(InputError, match=r'nothing can be written there.*test_evaluator\.out_file'):
        check_data(cfg, 'test_dataloader')
