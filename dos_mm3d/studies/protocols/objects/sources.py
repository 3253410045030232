"""Checkpoints of AsymDSD on the command line, each with the encoder that it holds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.registry import init_default_scope

from ....checkpoint_file import require_checkpoint_file
from ....errors import InputError
from ....export.config_text import read_values
from ....export.object_encoder import read_object_encoder
from ....models.backbones import PatchEncoder
from ....probe.objects.networks import build_encoder
from ...runner import content_hash, file_sha256
from ...runner.tool import named_path
from ..sources import Run, require_different


class CropSizes(NamedTuple):
    """Of the crops that a teacher saw whole."""

    points: int
    patches: int
    points_per_patch: int


PUBLIC_SIZES = CropSizes(points=1024, patches=64, points_per_patch=32)


@dataclass(frozen=True)
class ObjectSource(Run):
    """A checkpoint of AsymDSD.

    Args:
        encoder: config of the teacher's encoder.
        whole: sizes of the crops that the teacher saw.
        sha256: of the file.
        steps, seed: of the pretraining, None where the file does not say.
    """

    encoder: Mapping[str, Any]
    whole: CropSizes
    sha256: str
    steps: int | None = None
    seed: int | None = None

    @property
    def told(self) -> str:
        """For the reader."""
        return f'{self.checkpoint}, a run of {self.dataset}'

    @property
    def encoder_hash(self) -> str:
        """Alike for encoders of one shape."""
        return content_hash([dict(self.encoder), self.whole])

    @property
    def record(self) -> dict[str, Any]:
        """What is written down of it."""
        return {
            **super().record,
            'sha256': self.sha256,
            'encoder': dict(self.encoder),
            'whole_crops': self.whole._asdict(),
            'steps': self.steps,
            'seed': self.seed,
        }


def read_object_sources(checkpoints: Sequence[str]) -> tuple[ObjectSource, ...]:
    """The sources of --checkpoint: `LABEL=PATH`, or `PATH`, whose label is asymdsd.

    MissingFileError or InputError, naming the file and the remedy, for what is no checkpoint of AsymDSD."""
    numbers: Counter[str] = Counter()
    sources = []
    for text in checkpoints:
        label, path = named_path(text)
        label = label or 'asymdsd'
        require_checkpoint_file(path)
        sources.append(read_object_source(path, label, numbers[label]))
        numbers[label] += 1
    require_different(sources)
    for label in numbers:
        of_label = [source for source in sources if source.dataset == label]
        if len({source.encoder_hash for source in of_label}) > 1:
            raise InputError(
                f'--checkpoint {label}=...: {", ".join(str(s.checkpoint) for s in of_label)} have different encoders; '
                'wanted runs of one config with several seeds, a label of its own for each config'
            )
    return tuple(sources)


def read_object_source(path: Path, label: str, number: int) -> ObjectSource:
    """One checkpoint; its encoder is built and compared with the tensors."""
    _, told = read_object_encoder(path)
    values = read_values(told['config'] or '', str(path))
    whole = CropSizes(**told['whole']) if told['whole'] else PUBLIC_SIZES
    steps = told['iteration'] or (values.get('train_cfg') or {}).get('max_iters')
    seed = (values.get('randomness') or {}).get('seed')
    # without what only a training has
    encoder = {**told['encoder'], 'drop_path': 0.0, 'init_cfg': None}
    return ObjectSource(label, number, path, encoder, whole, file_sha256(path), steps, seed)


def load_encoder(path: Path, config: Mapping[str, Any]) -> PatchEncoder:
    """The teacher's encoder with the weights of a file."""
    init_default_scope('mmdet3d')
    encoder = build_encoder(config)
    encoder.load_state_dict(read_object_encoder(path)[0])
    return encoder
