"""Commands on the pages: the tools' own parsers take them, and each is run in a tiny form or says what it needs."""

import re

import pytest

from tests.helpers.doc_commands import Command, commands_of, fault_of
from tests.helpers.doc_references import ROOT, pages

TOOLS, STUDIES, DATA, EXPORT = (f'tests/test_{room}' for room in ('tools', 'studies', 'datasets', 'export'))
ANY_CONFIG = 'tests/test_configs/test_every_config.py::test_one_config_of_each_kind_trains_two_steps_and_is_tested'
ROOTS = f'{TOOLS}/test_read_only_roots.py::test_the_root_is_left_as_it_is'
PROTOCOL = f'{STUDIES}/test_object_protocols.py::test_a_study_of_it_is_recorded_and_gone_on_with'
# command -> test that runs it in a tiny form
RUN_BY = {
    'ablate': f'{TOOLS}/test_ablate.py::test_two_rows_end_to_end',
    'browse_dataset': f'{TOOLS}/test_browse_dataset.py::test_pictures_of_a_config',
    'build_tables': 'tools/check.sh',
    'build_zoo': f'{STUDIES}/test_zoo.py::test_a_small_run_becomes_a_file_that_loads_tensor_for_tensor',
    'check': '.ci/run',
    'convert_asymdsd': f'{EXPORT}/test_asymdsd.py::test_what_is_not_of_the_model_is_listed',
    'convert_pointcept': f'{EXPORT}/test_pointcept.py::test_the_tool_prints_what_it_did_and_fails_with_one_line',
    'create_data kitti': ROOTS,
    'create_data nuscenes': f'{TOOLS}/test_create_data.py::test_results_go_to_out_dir_and_leave_the_root_alone',
    'create_data object_crops': f'{DATA}/test_object_crops.py',
    'create_data scannet': f'{DATA}/test_scannet_convert.py',
    'create_data semantickitti': f'{DATA}/test_semantickitti_convert.py',
    'create_data waymo': f'{DATA}/test_waymo_stages.py',
    'create_data zoo_world': 'tests/test_miniatures/test_zoo_world.py',
    'create_synthetic': 'tests/test_miniatures/test_staging.py',
    'dist_train': f'{TOOLS}/test_dist_pretraining.py::test_two_cpu_ranks_pretrain_the_embedded_data_sets_config',
    'export_backbone': f'{EXPORT}/test_backbone_export.py',
    'gpu_check': f'{STUDIES}/test_gpu_check_run.py',
    'install': 'tools/check.sh',
    'quickstart': f'{TOOLS}/test_quickstart.py::test_whole_chain_and_that_it_is_not_repeated',
    'run_protocol cross_domain': f'{TOOLS}/test_run_protocol_tool.py::test_pairs_end_to_end',
    'run_protocol linear_probe': f'{STUDIES}/test_probe_cell.py',
    'run_protocol label_efficiency': f'{STUDIES}/test_training_protocols.py',
    'run_protocol object_finetune': PROTOCOL,
    'run_protocol object_svm': PROTOCOL,
    'slurm_train': f'{TOOLS}/test_train_tools.py::test_slurm_gets_openmmlabs_arguments',
    'test': f'{TOOLS}/test_train_tools.py::test_test_reports_the_metric',
    'train': ANY_CONFIG,
    'visualize_detections': f'{TOOLS}/test_visualize_detections.py',
    'visualize_features': f'{TOOLS}/test_visualize_features.py::test_a_checkpoint_with_a_head',
    # other programs
    '.venv/bin/python -m': 'tools/check.sh',
    'python -m': 'tests/test_docs_site.py',
    'source .venv/bin/activate': f'{TOOLS}/test_install.py',
}  # fmt: skip
PAGES = [page for page in pages() if any(commands_of(page.read_text()))]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_tools_take_the_commands_of_a_page(page, monkeypatch, capsys) -> None:
    ours = [command for command in commands_of(page.read_text()) if command.script]
    faults = {str(command): fault_of(command, monkeypatch, capsys) for command in ours}
    assert {command: fault for command, fault in faults.items() if fault} == {}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_is_run_in_a_test_or_says_what_it_needs(page) -> None:
    unknown = [str(one) for one in commands_of(page.read_text()) if not one.needs and one.name not in RUN_BY]
    assert unknown == [], 'name the test that runs it in RUN_BY, or put <!-- needs: data --> before its block'


def test_what_runs_them_is_there() -> None:
    for where in RUN_BY.values():
        path, _, name = where.partition('::')
        assert (ROOT / path).is_file(), path
        assert not name or re.search(rf'^def {name}\(', (ROOT / path).read_text(), flags=re.MULTILINE), where


def test_every_line_of_the_table_is_of_a_command_that_a_page_has() -> None:
    used = {command.name for page in PAGES for command in commands_of(page.read_text())}
    assert set(RUN_BY) - used == set()


def test_commands_are_read_as_a_shell_reads_them() -> None:
    text = (
        '```bash\nA=1 python tools/train.py C.py [--resume]  # a word\n```\n\n```\ntrain -> test\n```\n\n'
        '<!-- needs: gpu -->\n\n```\nbash tools/dist_train.sh C.py \\\n    8\n```\n'
    )
    assert list(commands_of(text)) == [
        Command(('python', 'tools/train.py', 'C.py', '--resume'), None),
        Command(('bash', 'tools/dist_train.sh', 'C.py', '8'), 'gpu'),
    ]


@pytest.mark.parametrize(
    ('command', 'words'),
    [
        ('python tools/train.py configs/dos/dos_second_folder.py --resmue', 'unrecognized arguments: --resmue'),
        ('python tools/train.py configs/dos/dos_second_folder.py --cfg-options data_rot=PATH', 'data_rot'),
        ('bash tools/dist_train.sh configs/dos/dos_second_folder.py 8 --resmue', 'unrecognized arguments: --resmue'),
        ('bash tools/slurm_train.sh P JOB CONFIG', 'wanted PARTITION JOB_NAME CONFIG WORK_DIR'),
        ('python tools/create_data.py nuscenez --root-path A', 'invalid choice'),
        ('python tools/trian.py CONFIG', 'not there'),
        ('bash tools/check.sh --every-config', 'no such argument'),
    ],
)
def test_what_a_tool_would_refuse_is_found(command, words, monkeypatch, capsys) -> None:
    (one,) = commands_of(f'```bash\n{command}\n```')
    assert words in fault_of(one, monkeypatch, capsys)
