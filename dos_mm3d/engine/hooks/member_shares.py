"""Says what a joint pretraining run is fed."""

from collections import Counter

from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook

SAMPLES = 'samples_of_member'
"""Key of the counts in the message hub, which checkpoints carry: a resumed run goes on counting."""


@HOOKS.register_module()
class MemberSharesHook(Hook):
    """Logs `share_<member>`: which part of all samples so far came from each member of a :class:`JointSweeps`.

    Counted on rank 0, whose samples are every n-th of the stream; samples without a member count as nothing.
    """

    def before_train(self, runner) -> None:
        self.counts = Counter(runner.message_hub.get_info(SAMPLES, {}))

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        self.counts.update((data_batch or {}).get('member', []))
        runner.message_hub.update_info(SAMPLES, dict(self.counts))
        for name, count in sorted(self.counts.items()):
            runner.message_hub.update_scalar(f'train/share_{name}', count / self.counts.total())

    def after_train(self, runner) -> None:
        text = ', '.join(f'{name} {count}' for name, count in sorted(self.counts.items()))
        runner.logger.info(f'samples of each member on this rank: {text or "none has one"}')
