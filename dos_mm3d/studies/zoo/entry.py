"""What is written down of a file of weights: what it is, what it was made of, and what was measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdet3d.registry import DATASETS
from mmengine.config import Config

from ...errors import InputError
from ...export.backbone import export_backbone, read_export
from ...export.config_text import read_values
from ...export.files import read_checkpoint
from ...files import read_json
from ...miniatures.staging import MANIFEST
from ..runner import file_sha256, portable
from ..runner.record import describe_machine
from ..runner.scalars import training_summary
from .models import ZOO

LICENCE = 'Apache-2.0'


def zoo_entry(name: str, checkpoint: Path, file: Path, probes: Mapping[str, Path]) -> dict[str, Any]:
    """Export a checkpoint's teacher in half precision and describe the file.

    Args:
        name: of ZOO.
        checkpoint: of a pretraining with the config that ZOO names, in its work_dir.
        file: to write.
        probes: title -> record of tools/run_protocol.py for that very checkpoint; for the file: add_probes.

    Raises:
        InputError: another config's checkpoint, or one without the log of its training; half precision changes its
            features; or a record is of another one.
    """
    if name not in ZOO:
        raise InputError(f'no weights {name!r}; wanted one of {", ".join(ZOO)}')
    read_checkpoint(checkpoint)  # or says what is wrong with it
    if not (trained := training_summary(checkpoint.parent)):
        raise InputError(
            f'{checkpoint}: no log of its training lies beside it (*/vis_data/scalars.json); give it in its work_dir'
        )
    sha256 = file_sha256(checkpoint)
    found = {title: probe_numbers(path, sha256, checkpoint) for title, path in probes.items()}
    exported = export_backbone(checkpoint, file, half=True)
    config = read_export(file)['meta']['config']
    require_config(config, ZOO[name].pretraining, checkpoint)
    return {
        'file': file.name,
        'sha256': file_sha256(file),
        'bytes': file.stat().st_size,
        'licence': LICENCE,
        'exported': exported,
        'checkpoint_sha256': sha256,
        'data': data_facts(read_checkpoint(checkpoint)['meta']['cfg'], str(checkpoint)),
        'steps': exported['iteration'],
        'seconds': round(trained['seconds'] * exported['iteration'] / trained['steps']),
        'monitors': trained['monitors'],
        **describe_machine(),
        'probes': found,
        'config': config,
    }


def require_config(text: str, path: str, checkpoint: Path) -> None:
    """InputError where a checkpoint was trained on another backbone, grid or input than the config of its name says."""
    trained, wanted = read_values(text, str(checkpoint)), load_values(path)
    for place in ('input_channels', 'model.backbone', 'model.data_preprocessor'):
        if (found := entry_at(trained, place)) != (said := entry_at(wanted, place)):
            raise InputError(f'{checkpoint}: its {place} is {str(found)[:200]}, {path} has {str(said)[:200]}')


def load_values(path: str) -> dict[str, Any]:
    """The values of a config file as a checkpoint's text has them."""
    return read_values(Config.fromfile(path).pretty_text, path)


def entry_at(values: Mapping[str, Any], place: str) -> Any:
    """A dotted place in nested dicts."""
    for key in place.split('.'):
        values = values[key]
    return values


def data_facts(config_text: str, source: str) -> dict[str, Any]:
    """The world that was trained on: its folder, scenes and sweeps, and what it was made from, where that is said."""
    config = read_values(config_text, source)
    dataset = DATASETS.build({**config['train_dataloader']['dataset'], 'pipeline': []})
    manifest = Path(dataset.data_root, MANIFEST)
    return {
        'root': portable(dataset.data_root),
        'made_from': read_json(manifest) if manifest.is_file() else None,
        'scenes': len({Path(frame).parent for frame in dataset.frames}),
        'sweeps': len(dataset.frames),
    }


def probe_numbers(path: Path, sha256: str, of: Path) -> dict[str, Any]:
    """Rows and columns of a protocol's record. InputError where it is not complete, or not of that file alone.

    of: the file, for the message.
    """
    try:
        record = read_json(path)
    except ValueError as error:
        raise InputError(f'{path}: is no JSON ({error}); wanted a record of tools/run_protocol.py') from error
    if not isinstance(record, dict):
        raise InputError(f'{path}: holds a {type(record).__name__}, wanted a record of tools/run_protocol.py')
    sources = [source['sha256'] for source in record.get('sources', [])]
    if sources != [sha256] or not record.get('complete'):
        raise InputError(
            f'{path}: a record of the checkpoints {[one[:12] for one in sources]}, complete: '
            f'{record.get("complete")}; wanted a whole one of {of} alone, which is {sha256[:12]}'
        )
    settings = record['settings']
    return {
        'record': path.name,
        'title': record['title'],
        'metric': record['metric'],
        'split': record['split'],
        'points_per_class': settings.get('points_per_class_and_scan'),  # of probes; what is trained has none
        'points_per_class_embedded': [one['points_per_class_and_scan'] for one in settings.get('embedded_labels', ())],
        'datasets': [dataset['title'] for dataset in record['datasets']],
        'columns': {column['name']: column['title'] for column in record['columns']},
        'rows': {
            row['title']: {
                column: {key: found[key] for key in ('mean', 'sd')} for column, found in row['entries'].items()
            }
            for row in record['rows']
        },
        'command': record['command'],
        'commit': record['commit'],
    }
