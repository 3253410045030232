"""A run that goes on from a checkpoint follows its config, or says why it does not."""

import copy
import warnings
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop

from ...errors import InputError
from ...export.config_text import read_values
from ...export.loading import fit_report
from ..config_changes import Change, changes_between, described, require_followable, way_out
from .checkpoint import FRAMES, frames_of
from .dos import unwrap


class GoOnHook(Hook):
    """Compares the config with the one in the checkpoint, and makes the run that of the config.

    mmengine takes the optimiser's settings and the schedules from the checkpoint, whatever the config says. Where
    something has changed they are those of the config here: a schedule is at the place where it would be had the run
    had this config from its first step. Unchanged, everything is as mmengine does it. tools/train.py adds this hook to
    a run that is resumed.

    Args:
        source: the checkpoint, for messages.
    """

    priority = 'VERY_HIGH'

    def __init__(self, source: str) -> None:
        self.source = source
        self.changes: list[Change] = []

    def before_run(self, runner) -> None:
        """Keep what the config has made of optimiser and schedules, before the checkpoint is put over it."""
        self.settings = _settings(runner)
        self.schedules = copy.deepcopy([scheduler.state_dict() for scheduler in _schedulers(runner)])

    def after_load_checkpoint(self, runner, checkpoint: dict[str, Any]) -> None:
        """Find the changes; InputError for those that cannot be followed."""
        checkpoint['meta'].pop('config', None)  # mmengine would run this text
        self.changes = config_changes(runner, checkpoint, self.source)
        before, now = checkpoint.get(FRAMES), frames_of(runner)
        if None not in (before, now) and before != now:  # an epoch, and the order of a stream, are others
            self.changes.append(Change('frames to train on', before, now))
        require_followable(self.changes, self.source)
        self._require_whole_epochs(runner, checkpoint)
        self._require_schedules()
        self._require_weights(runner, checkpoint['state_dict'])
        self._require_groups(runner, checkpoint['optimizer']['param_groups'])

    def before_train(self, runner) -> None:
        self._require_length(runner)
        if not self.changes:
            return
        self._follow_length_of_epochs(runner)
        if self.settings is not None:
            for group, settings in zip(runner.optim_wrapper.optimizer.param_groups, self.settings):
                group.update(copy.deepcopy(settings))
            for scheduler, state in zip(_schedulers(runner), self.schedules):
                scheduler.load_state_dict(state)
            step_schedules(runner)
        runner.logger.warning(
            f'going on from {self.source} with other settings, which hold from step {runner.iter + 1} on as if they '
            f'had held from the first: {described(self.changes)}'
        )

    def _require_whole_epochs(self, runner, checkpoint: dict[str, Any]) -> None:
        """A training that counts epochs begins one: mmengine would train what is done of it once more, or all of a
        training that has counted steps."""
        meta, length = checkpoint['meta'], checkpoint['message_hub'].get('runtime_info', {})
        numbers = [meta.get('iter'), meta.get('epoch'), length.get('max_iters'), length.get('max_epochs')]
        if not isinstance(runner.train_loop, EpochBasedTrainLoop) or not all(type(one) is int for one in numbers):
            return
        steps, epochs, all_steps, all_epochs = numbers
        if steps * all_epochs != epochs * all_steps:
            raise InputError(
                f'{self.source}: was written at step {steps}, after {epochs} whole epochs by its record, and this '
                'training, which counts epochs, would train part of that once more. Go on from one of the end of an '
                'epoch (default_hooks.checkpoint.by_epoch=True), count steps as before, or begin anew from its '
                f'weights, with --cfg-options load_from={self.source}, in another --work-dir'
            )

    def _require_weights(self, runner, state_dict: dict[str, Any]) -> None:
        report = fit_report(unwrap(runner.model), state_dict)
        if report.missing or report.unexpected or report.wrong_shape:
            raise InputError(
                f'{self.source}: its weights are not those of this model ({report.summary()}): '
                f'{self._blamed("model")}\n{report.examples()}'
            )

    def _require_schedules(self) -> None:
        """What depends on more than the step cannot be brought to where it would be."""
        found = self._of('optim_wrapper', 'param_scheduler', 'train_cfg', 'auto_scale_lr')
        if self.settings is None and found:
            raise InputError(
                f'{self.source}: several optimisers, or a schedule that looks at validation, cannot go on with '
                f'{described(found)}. {way_out(found[0])}'
            )

    def _require_groups(self, runner, saved: list[dict[str, Any]]) -> None:
        """torch takes the state of an optimiser for the same groups of parameters only."""
        groups = [] if self.settings is None else runner.optim_wrapper.optimizer.param_groups
        if groups and [len(group['params']) for group in groups] != [len(group['params']) for group in saved]:
            raise InputError(
                f'{self.source}: its optimiser has other groups of parameters ({len(saved)}, now {len(groups)}): '
                f'{self._blamed("optim_wrapper", "model")}'
            )

    def _require_length(self, runner) -> None:
        """Say that nothing is left to train; InputError where more has been trained than the config asks for."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            unit, name, done, wanted = 'epochs', 'max_epochs', runner.epoch, runner.max_epochs
        else:
            unit, name, done, wanted = 'steps', 'max_iters', runner.iter, runner.max_iters
        key = name if name in runner.cfg else f'train_cfg.{name}'
        if done > wanted:
            raise InputError(
                f'{self.source}: has been trained for {done} {unit}, and {key} is {wanted} now; ask for more than '
                f'{done}, or begin anew in another --work-dir'
            )
        if done == wanted:
            runner.logger.warning(
                f'{self.source} has been trained for all {wanted} {unit} of {key}: nothing is left to do. For a longer '
                f'run ask for more, with --cfg-options {key}=NUMBER'
            )

    def _follow_length_of_epochs(self, runner) -> None:
        """Epochs that are done count as many steps as epochs have now."""
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):
            loop._iter = loop.epoch * len(loop.dataloader)

    def _of(self, *rooms: str) -> list[Change]:
        return [one for one in self.changes if one.key.partition('.')[0] in rooms]

    def _blamed(self, *rooms: str) -> str:
        """The changes below some variables, and what to do."""
        found = self._of(*rooms)
        if not found:
            return 'the code has changed since, or it is a checkpoint of something else'
        return f'{described(found)}. {way_out(found[0])}'


def config_changes(runner, checkpoint: dict[str, Any], source: str) -> list[Change]:
    """Settings of the runner that were others when the checkpoint was written; none where it does not tell."""
    meta = checkpoint['meta']
    if not isinstance(meta.get('cfg'), str):
        return []
    before, now = (read_values(text, source) for text in (meta['cfg'], runner.cfg.pretty_text))
    # a run without a seed has drawn one, and keeps it
    drawn = {'seed': meta.get('seed')}
    for config in (before, now):
        kept = {key: value for key, value in (config.get('randomness') or {}).items() if value is not None}
        config['randomness'] = {**drawn, **kept}
    return changes_between(before, now)


def step_schedules(runner) -> None:
    """Bring schedules from their first step to that of the run, in the order of its steps and epochs."""
    loop, schedulers = runner.train_loop, _schedulers(runner)
    length = len(loop.dataloader) if isinstance(loop, EpochBasedTrainLoop) else None
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # mmengine asks for a step of the optimiser before each
        for i in range(loop.iter):
            ended = length is not None and (i + 1) % length == 0
            for scheduler in schedulers:
                if not scheduler.by_epoch:
                    scheduler.step()
            for scheduler in schedulers:
                if scheduler.by_epoch and ended:
                    scheduler.step()


def _settings(runner) -> list[dict[str, Any]] | None:
    """Settings of each group of parameters; None where mmengine's resume is left as it is, since schedules are no
    functions of the step alone (several optimisers, validation)."""
    if not isinstance(runner.optim_wrapper, OptimWrapper):
        return None
    if any(getattr(scheduler, 'need_val_args', False) for scheduler in _schedulers(runner)):
        return None
    groups = runner.optim_wrapper.optimizer.param_groups
    return [copy.deepcopy({key: value for key, value in group.items() if key != 'params'}) for group in groups]


def _schedulers(runner) -> list:
    """Those of one optimiser."""
    return runner.param_schedulers if isinstance(runner.param_schedulers, list) else []
