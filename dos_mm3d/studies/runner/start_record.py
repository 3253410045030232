"""Proof that two fine-tuning runs differ in the encoder's initial weights and in nothing else."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdet3d.registry import HOOKS
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from ...export.files import tensors_sha256
from ...files import write_json

FILE = 'start.json'
KEY = 'start_record'  # in a checkpoint
DECODER_PREFIXES = ('pts_middle_encoder.ptv3.dec.', 'backbone.dec.')  # of PTv3 the encoder alone is pretrained


@HOOKS.register_module()
class StartRecordHook(Hook):
    """Writes `start.json` into the work_dir: sha256 of the initial encoder, of all other initial weights and buffers,
    and, after training, of every input batch (points in their order, augmentation included).

    It goes through checkpoints, so that a resumed run tells of its first start. Its inputs are others than without the
    interruption: mmengine does not restore the random numbers of the augmentation. Of several processes the first one
    tells of its own inputs.

    Args:
        encoder_prefixes: of the names of weights that pretraining gives.
    """

    record: dict[str, Any] | None = None

    def __init__(self, encoder_prefixes: Sequence[str]) -> None:
        self.encoder_prefixes = tuple(encoder_prefixes)

    def after_load_checkpoint(self, runner, checkpoint: dict[str, Any]) -> None:
        # only in a resumed run: weights to start from may come from a run that was recorded too
        if runner._resume:
            self.record = checkpoint.get(KEY)

    def before_save_checkpoint(self, runner, checkpoint: dict[str, Any]) -> None:
        checkpoint[KEY] = dict(self.record)

    def before_train(self, runner) -> None:
        if self.record is not None:
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        state = model.state_dict()
        encoder = {
            name: value
            for name, value in state.items()
            if name.startswith(self.encoder_prefixes) and not name.startswith(DECODER_PREFIXES)
        }
        rest = {name: value for name, value in state.items() if name not in encoder}
        self.record = {'encoder': tensors_sha256(encoder), 'rest': tensors_sha256(rest), 'iters': 0, 'inputs': ''}

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: Mapping[str, Any] | None = None, outputs: dict | None = None
    ) -> None:
        digest = hashlib.sha256(self.record['inputs'].encode())
        for points in data_batch['inputs']['points']:
            digest.update(points.cpu().contiguous().numpy().tobytes())
        self.record['inputs'] = digest.hexdigest()
        self.record['iters'] += 1

    @master_only
    def after_train(self, runner) -> None:
        write_json(Path(runner.work_dir) / FILE, self.record)


def unfair(scratch: Mapping[str, Any], pretrained: Mapping[str, Any]) -> list[str]:
    """What two runs do not share though they should, from their `start.json`: 'initial head', 'length'; 'initial
    encoder' where that is the same. Empty for a fair pair.

    Different inputs do not make a pair unfair here: a training that was interrupted goes on with other random numbers.
    """
    wrong = {
        'initial head': scratch['rest'] != pretrained['rest'],
        'length': scratch['iters'] != pretrained['iters'],
        'initial encoder (it is the same)': scratch['encoder'] == pretrained['encoder'],
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]
