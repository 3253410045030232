"""Which checkpoint a run goes on from: what lies in its work_dir decides."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from dos_mm3d.engine import work_dir
from dos_mm3d.engine.work_dir import (
    checkpoint_folder,
    checkpoints_in,
    choose_start,
    newest_whole,
    require_resumable,
    require_same_start,
)
from dos_mm3d.errors import InputError, UserError

WHOLE = dict(state_dict={'w': torch.arange(500.0)}, meta={}, message_hub={}, optimizer={})


def leave(folder: Path, *steps: int, name: str = 'iter_{}.pth', content: dict = WHOLE) -> None:
    folder.mkdir(exist_ok=True)
    for step in steps:
        torch.save(content, folder / name.format(step))


def empty(path: Path) -> None:
    path.write_bytes(b'')


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    """One bit of a tensor, which torch itself reads without a word."""
    content = bytearray(path.read_bytes())
    content[content.index(torch.tensor(300.0).numpy().tobytes()) + 3] ^= 1
    path.write_bytes(content)


def garbage(path: Path) -> None:
    path.write_bytes(b'garbage' * 999)


def start_of(folder: Path, given: str | None, **more) -> Config:
    cfg = Config(dict(work_dir=str(folder), **more))
    choose_start(cfg, given)
    return cfg


# --- which checkpoint ---


def test_the_newest_by_number_is_taken_whatever_last_checkpoint_says(tmp_path):
    leave(tmp_path, 2, 10, 9)
    for text in ('', 'garbage', str(tmp_path / 'iter_2.pth'), '/gone/iter_2.pth', None):
        (tmp_path / 'last_checkpoint').unlink(missing_ok=True)
        if text is not None:
            (tmp_path / 'last_checkpoint').write_text(text)
        cfg = start_of(tmp_path, 'auto', load_from='weights.pth')
        assert (cfg.resume, cfg.load_from) == (True, str(tmp_path / 'iter_10.pth'))


def test_a_copied_moved_or_linked_folder_goes_on_from_its_own(tmp_path):
    leave(tmp_path / 'a', 4)
    (tmp_path / 'a/last_checkpoint').write_text(str(tmp_path / 'a/iter_4.pth'))
    shutil.copytree(tmp_path / 'a', tmp_path / 'copy')
    (tmp_path / 'link').symlink_to(tmp_path / 'copy')
    shutil.move(tmp_path / 'a', tmp_path / 'moved')
    for name in ('copy', 'link', 'moved'):
        assert start_of(tmp_path / name, 'auto').load_from == str(tmp_path / name / 'iter_4.pth')


@pytest.mark.parametrize('damage', [empty, half, flipped, garbage])
def test_what_is_not_whole_is_passed_over_and_named_in_a_line(tmp_path, capsys, damage):
    leave(tmp_path, 2, 4, 6)
    damage(tmp_path / 'iter_6.pth')
    assert start_of(tmp_path, 'auto').load_from == str(tmp_path / 'iter_4.pth')
    warning = capsys.readouterr().err
    assert warning.startswith('warning: ') and warning.count('\n') == 1
    assert 'iter_6.pth' in warning and 'goes on from iter_4.pth' in warning
    for path in (tmp_path / 'iter_2.pth', tmp_path / 'iter_4.pth'):
        damage(path)
    with pytest.raises(UserError, match=r'none of its checkpoints can be read: .*iter_6\.pth.*To begin anew move them'):
        start_of(tmp_path, 'auto')


def test_epochs_other_names_and_what_is_none(tmp_path):
    leave(tmp_path, 3, name='epoch_{}.pth')
    leave(tmp_path, 9, name='best_mAP_epoch_{}.pth')
    leave(tmp_path, 8, name='step-{}.pth')
    leave(tmp_path, 7, name='.iter_{}.pth.tmp')
    assert [path.name for path in checkpoints_in(tmp_path)] == ['epoch_3.pth']
    hook = dict(checkpoint=dict(filename_tmpl='step-{}.pth'))
    assert start_of(tmp_path, 'auto', default_hooks=hook).load_from.endswith('step-8.pth')


@pytest.mark.parametrize('name', ['{}_{}.pth', '{step}.pth', 'a{', '{:s}.pth'])
def test_names_that_cannot_be_made_of_a_step_are_refused_before_it_comes(tmp_path, name):
    with pytest.raises(InputError, match=r'filename_tmpl=.*makes no name of a step'):
        start_of(tmp_path, None, default_hooks=dict(checkpoint=dict(filename_tmpl=name)))


def test_a_folder_called_as_a_file_of_mmengines_is_said(tmp_path):
    (tmp_path / 'last_checkpoint').mkdir()
    with pytest.raises(InputError, match='last_checkpoint: is a folder'):
        start_of(tmp_path, None)


@pytest.mark.parametrize('given', [None, 'auto'])
def test_a_folder_called_as_a_checkpoint_is_said_before_the_run(tmp_path, given):
    leave(tmp_path, 4)
    (tmp_path / 'iter_9.pth').mkdir()
    with pytest.raises(
        InputError, match=r'iter_9\.pth: is a folder, and the run would write a checkpoint of that name'
    ):
        start_of(tmp_path, given)


@pytest.mark.parametrize('given', ['auto', 'iter_6.pth'])
def test_swapped_checkpoints_are_not_believed(tmp_path, given):
    for name, step in ((4, 6), (6, 4)):
        leave(tmp_path, name, content=WHOLE | dict(meta=dict(iter=step, epoch=0)))
    said = r'iter_6\.pth: is not what its name says, it holds iter 4: .*, iter_4'
    with pytest.raises(InputError, match=said):
        start_of(tmp_path, given if given == 'auto' else str(tmp_path / given))
    (tmp_path / 'iter_6.pth').rename(tmp_path / 'mine.pth')
    with pytest.raises(InputError, match=r'iter_4\.pth: is not what its name says'):
        start_of(tmp_path, 'auto')
    (tmp_path / 'iter_4.pth').rename(tmp_path / 'iter_6.pth')
    assert start_of(tmp_path, 'auto').load_from == str(tmp_path / 'iter_6.pth')
    leave(tmp_path / 'epochs', 3, name='epoch_{}.pth', content=WHOLE | dict(meta=dict(iter=30, epoch=2)))
    with pytest.raises(InputError, match='holds epoch 2'):
        start_of(tmp_path / 'epochs', 'auto')


def test_checkpoints_elsewhere_are_found_there(tmp_path):
    leave(tmp_path / 'run', 4)
    hooks = dict(checkpoint=dict(out_dir=str(tmp_path)))
    cfg = Config(dict(work_dir='logs/run', default_hooks=hooks))
    assert checkpoint_folder(cfg) == tmp_path / 'run'
    choose_start(cfg, 'auto')
    assert cfg.load_from == str(tmp_path / 'run/iter_4.pth')


@pytest.mark.parametrize(('before', 'now'), [(None, 'other'), ('other', None), ('other', 'third')])
def test_another_folder_for_checkpoints_does_not_begin_anew_without_a_word(tmp_path, before, now):
    def run(out_dir: str | None) -> Config:
        hooks = dict(checkpoint=dict(out_dir=out_dir and str(tmp_path / out_dir)))
        return Config(dict(work_dir=str(tmp_path / 'run'), default_hooks=hooks))

    there = checkpoint_folder(run(before))
    there.mkdir(parents=True)
    (tmp_path / 'run').mkdir(exist_ok=True)
    leave(there, 2, 4)
    (tmp_path / 'run/last_checkpoint').write_text(str(there / 'iter_4.pth'))
    cfg = run(now)
    with pytest.raises(InputError, match=rf'no checkpoint.*in {there} \(newest iter_4.*--resume {there}/iter_4\.pth'):
        choose_start(cfg, 'auto')
    choose_start(cfg, str(there / 'iter_4.pth'))  # as it says
    assert cfg.load_from == str(there / 'iter_4.pth')


def test_the_first_start_of_a_job_that_always_says_resume(tmp_path):
    for folder in (tmp_path, tmp_path / 'not_there_yet'):
        cfg = start_of(folder, 'auto', load_from='weights.pth')
        assert (cfg.resume, cfg.load_from) == (False, 'weights.pth')


def test_the_config_may_ask_for_it_too(tmp_path):
    leave(tmp_path, 2)
    assert start_of(tmp_path, None, resume=True).load_from == str(tmp_path / 'iter_2.pth')
    assert start_of(tmp_path, None, resume=True, load_from=str(tmp_path / 'iter_2.pth')).resume is True


@pytest.mark.parametrize('value', ['no', 'auto', 'run/iter_2.pth'])
def test_a_text_is_no_answer_to_whether_to_go_on(tmp_path, value):
    leave(tmp_path, 2)
    with pytest.raises(UserError, match=f'resume={value}: wanted True or False; .*--resume {value}'):
        start_of(tmp_path, None, resume=value)


def test_a_file_of_no_name_is_not_passed_over(tmp_path):
    with pytest.raises(UserError, match='load_from is empty'):
        start_of(tmp_path, None, load_from='')


def test_steps_and_epochs_are_compared_by_what_has_been_trained(tmp_path):
    for name, iter, epoch in (('iter_4.pth', 4, 0), ('epoch_2.pth', 8, 2), ('epoch_1.pth', 3, 1)):
        torch.save(WHOLE | dict(meta=dict(iter=iter, epoch=epoch)), tmp_path / name)
    assert [path.name for path in checkpoints_in(tmp_path)] == ['epoch_2.pth', 'iter_4.pth', 'epoch_1.pth']


def test_a_renamed_checkpoint_is_named_where_a_run_would_begin_anew(tmp_path):
    leave(tmp_path, 1, name='backbone.pth', content=dict(state_dict={}))  # an export
    assert start_of(tmp_path, 'auto').resume is False
    leave(tmp_path, 1, name='final.pth')
    with pytest.raises(UserError, match=r'no checkpoint called iter_N\.pth or epoch_N\.pth, and final\.pth is one'):
        start_of(tmp_path, 'auto')
    assert start_of(tmp_path, str(tmp_path / 'final.pth')).resume


def test_the_note_of_a_checkpoint_that_is_gone_is_not_passed_over(tmp_path):
    for text in ('/gone/iter_4.pth', '/gone/iter_4.pth\n/x\n', '\0\0'):
        (tmp_path / 'last_checkpoint').write_text(text)
        with pytest.raises(
            UserError, match=r'last_checkpoint says that an earlier run has written .*begin anew remove'
        ):
            start_of(tmp_path, 'auto')
    leave(tmp_path / 'other', 4)
    (tmp_path / 'last_checkpoint').write_text(f'{tmp_path / "other/iter_4.pth"}\n/gone/iter_2.pth\n')
    with pytest.raises(UserError, match=rf'--resume {tmp_path / "other/iter_4.pth"}'):
        start_of(tmp_path, 'auto')


def test_the_best_of_an_earlier_run_is_not_replaced(tmp_path):
    leave(tmp_path, 4, name='best_score_iter_{}.pth')
    assert start_of(tmp_path, None).get('resume') is None
    with pytest.raises(UserError, match=r'best_score_iter_4\.pth.* would replace; move it away'):
        start_of(tmp_path, None, default_hooks=dict(checkpoint=dict(save_best='score')))


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        ('', 'takes a checkpoint, a .pth file, and it is empty'),
        ('.', r'\. is a folder; without a value'),
        ('gone.pth', r'gone\.pth: no such checkpoint'),
    ],
)
def test_what_is_no_checkpoint_is_said(tmp_path, given, words):
    with pytest.raises(UserError, match=words):
        start_of(tmp_path, given)


@pytest.mark.parametrize('lacking', ['meta', 'message_hub', 'optimizer'])
def test_each_part_of_a_run_is_needed_to_resume_it(tmp_path, lacking):
    leave(tmp_path, 2, content={key: value for key, value in WHOLE.items() if key != lacking})
    for given in ('auto', str(tmp_path / 'iter_2.pth')):
        with pytest.raises(UserError, match=rf'iter_2\.pth: cannot be resumed, it has no {lacking} '):
            start_of(tmp_path, given)
    require_resumable('whole.pth', WHOLE)


# --- nothing is replaced ---


def test_a_new_run_where_there_are_checkpoints_is_refused(tmp_path):
    assert start_of(tmp_path, None).get('resume') is None
    leave(tmp_path, 2, 4)
    with pytest.raises(UserError, match=r'holds checkpoints .*newest iter_4\.pth.*--resume .*another --work-dir'):
        start_of(tmp_path, None)


def test_going_back_in_a_folder_would_replace_what_is_newer(tmp_path):
    leave(tmp_path, 2, 4)
    with pytest.raises(UserError, match=r'holds iter_4\.pth, .*goes on from .*iter_2\.pth could replace'):
        start_of(tmp_path, str(tmp_path / 'iter_2.pth'))
    assert start_of(tmp_path, str(tmp_path / 'iter_4.pth')).resume
    half(tmp_path / 'iter_4.pth')
    assert start_of(tmp_path, str(tmp_path / 'iter_2.pth')).resume


def test_going_on_from_elsewhere_wants_an_empty_folder(tmp_path):
    leave(tmp_path / 'a', 2)
    leave(tmp_path / 'b', 1)
    with pytest.raises(UserError, match=r'b: holds iter_1\.pth'):
        start_of(tmp_path / 'b', str(tmp_path / 'a/iter_2.pth'))
    assert start_of(tmp_path / 'c', str(tmp_path / 'a/iter_2.pth')).load_from == str(tmp_path / 'a/iter_2.pth')


def test_ranks_that_see_different_folders_are_stopped(monkeypatch):
    monkeypatch.setattr(work_dir, 'all_gather_object', lambda mine: [mine, None])
    with pytest.raises(UserError, match=r'start from different checkpoints \(iter_4\.pth, none\): .* all machines'):
        require_same_start(Config(dict(work_dir='w', load_from='w/iter_4.pth')))
    require_same_start(Config(dict(work_dir='w')))


def test_newest_whole_of_nothing_is_none(tmp_path):
    assert newest_whole([], tmp_path) is None


@pytest.mark.parametrize('template', ['iter_{:06d}.pth', 'iter_{0}.pth', 'run{:>4}.pth', 'newest.pth', 'a[1]_{:d}.pth'])
def test_names_of_any_template_are_found(tmp_path, template):
    leave(tmp_path, 4, 12, name=template)
    hooks = dict(checkpoint=dict(filename_tmpl=template))
    newest = str(tmp_path / template.format(12))
    assert start_of(tmp_path, 'auto', default_hooks=hooks).load_from == newest
    with pytest.raises(UserError, match=r'holds checkpoints of an earlier run'):
        start_of(tmp_path, None, default_hooks=hooks)


def test_a_link_to_nowhere_in_place_of_a_checkpoint_is_passed_over(tmp_path, capsys):
    leave(tmp_path, 4)
    (tmp_path / 'iter_12.pth').symlink_to(tmp_path / 'scratch/iter_12.pth')
    assert start_of(tmp_path, 'auto').load_from == str(tmp_path / 'iter_4.pth')
    assert 'iter_12.pth: no such checkpoint file' in capsys.readouterr().err
    assert start_of(tmp_path, str(tmp_path / 'iter_4.pth')).load_from == str(tmp_path / 'iter_4.pth')


def test_what_mmengine_notes_is_no_checkpoint(tmp_path):
    leave(tmp_path, 4)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_4.pth'))
    with pytest.raises(UserError, match=r'last_checkpoint: only names the place .*--resume without a value'):
        start_of(tmp_path, str(tmp_path / 'last_checkpoint'))


def test_a_name_with_a_folder_in_it_is_refused(tmp_path):
    """mmengine would write there, and nobody would look there."""
    hooks = dict(checkpoint=dict(filename_tmpl='steps/{}.pth'))
    for given in ('auto', None):
        with pytest.raises(UserError, match=r'filename_tmpl=steps/\{\}\.pth: names a folder.*out_dir=FOLDER'):
            start_of(tmp_path, given, default_hooks=hooks)
