"""The quickstart's result: report.json with every number, report.html with every picture."""

import contextlib
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger

from ..datasets.info_pickle import load_info_pickle
from ..datasets.splits import cut_scenes
from ..visualization.boxes_bev import draw_boxes_from_above
from ..visualization.curves import draw_losses, draw_monitors, draw_prototype_usage
from ..visualization.features_pca import draw_features_from_above
from ..visualization.report_html import Picture, Section, Sentences, Table, render_page
from ..visualization.style import to_png
from . import report as records
from .detection_record import (
    RESULTS,
    flat_predictions,
    flat_truth,
    read_devkit_summary,
    read_scalars,
    summarise_pretraining,
)
from .features import EncoderFeatures
from .picture_arrays import class_legend, colour_panels, usage_over_scans
from .pretrained import load_pretrained, random_backbones
from .probe_checkpoint import TEST_INFOS, TRAIN_INFOS, Spread, scans_of
from .probe_scans import scene_names
from .run_facts import commit, machine, versions
from .start_record import check_fair

STARTS = ('scratch', 'dos')
REACH_M = 40.0


@dataclass(frozen=True)
class RunFolders:
    """Where the stages of a quickstart left their results."""

    root: Path
    pretrain_config: Config
    seeds: Sequence[int]

    @property
    def pretrain(self) -> Path:
        return self.root / 'pretrain'

    @property
    def probe(self) -> Path:
        return self.root / 'probe' / 'probe.json'

    def detection(self, start: str, seed: int) -> Path:
        return self.root / f'detection_{start}' / f'seed{seed}'

    def checkpoint(self) -> Path:
        """The last checkpoint of pretraining, as mmengine's `last_checkpoint` names it."""
        return Path((self.pretrain / 'last_checkpoint').read_text().strip())


def collect(folders: RunFolders, *, seconds: Mapping[str, float], seed: int) -> dict[str, Any]:
    """Everything that goes into report.json. ValueError where two detection runs were no fair pair."""
    report = {
        'units': records.UNITS,
        'seed': seed,
        'pretrain': summarise_pretraining(read_scalars(folders.pretrain)),
        'probe': records.read_json(folders.probe),
        'detection': collect_detection(folders),
        'seconds': dict(seconds),
        'versions': versions(),
        'machine': machine(),
        'commit': commit(Path(__file__).parent),
    }
    report['conclusions'] = records.conclusions(report)
    return records.nan_to_none(report)


def collect_detection(folders: RunFolders) -> dict[str, Any]:
    """{'scratch', 'dos': mAP, NDS, AP per class (means over the seeds), 'seeds': paired results and differences}."""
    runs = {(start, seed): _read_run(folders, start, seed) for start in STARTS for seed in folders.seeds}
    detection: dict[str, Any] = {start: _mean_run([runs[start, seed] for seed in folders.seeds]) for start in STARTS}
    detection['seeds'] = [
        {
            'seed': seed,
            **{start: {key: runs[start, seed][key] for key in ('mAP', 'NDS')} for start in STARTS},
            **{f'{key}_difference': runs['dos', seed][key] - runs['scratch', seed][key] for key in ('mAP', 'NDS')},
            **check_fair(folders.detection('scratch', seed), folders.detection('dos', seed)),
        }
        for seed in folders.seeds
    ]
    detection['note'] = (
        'one seed' if len(folders.seeds) == 1 else f'means and paired differences of {len(folders.seeds)} seeds'
    )
    return detection


def _read_run(folders: RunFolders, start: str, seed: int) -> dict[str, Any]:
    return read_devkit_summary(folders.detection(start, seed) / 'test')


def _mean_run(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        'mAP': fmean(run['mAP'] for run in runs),
        'NDS': fmean(run['NDS'] for run in runs),
        'AP': {name: fmean(run['AP'][name] for run in runs) for name in runs[0]['AP']},
        'errors': [run['errors'] for run in runs],
    }


def write_report(folders: RunFolders, *, seconds: Mapping[str, float], seed: int) -> str:
    """Write report.json and report.html into the root folder; returns the one table to print, as text."""
    # models and data sets announce themselves when they are built; here that is no news
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    report = collect(folders, seconds=seconds, seed=seed)
    records.write_json(folders.root / 'report.json', report)
    with contextlib.redirect_stdout(io.StringIO()):
        html = page(report, folders)
    records.write_text(folders.root / 'report.html', html)
    return records.plain_table(report) + f'\n{folders.root / "report.html"}\n{folders.root / "report.json"}'


def page(report: Mapping[str, Any], folders: RunFolders) -> str:
    """report.html as text, every picture inside."""
    sections = [
        Section('What came out', [Sentences(report['conclusions'])]),
        Section('Linear probe', _probe_parts(report['probe'])),
        Section('Features of one scan', [_feature_picture(folders)]),
        Section('Detection with few labelled scenes', _detection_parts(report['detection'], folders)),
        Section('Pretraining', _pretraining_parts(report['pretrain'], folders)),
        Section('How it was run', _run_parts(report)),
    ]
    return render_page(
        'DOS quickstart', 'Self-supervised pretraining on the embedded data set, and what it bought.', sections
    )


def _probe_parts(probe: Mapping[str, Any]) -> list:
    protocol = probe['protocol']
    rows = [key for key in records.PROBE_ROWS if key in probe]
    per_class = [
        (
            name,
            *('-' if probe[row]['per_class'][name] is None else f'{probe[row]["per_class"][name]:.1f}' for row in rows),
        )
        for name in probe['raw']['per_class']
    ]
    absent = ', '.join(protocol['classes_absent_from_test']) or 'none'
    notes = [
        f'mIoU in percent on {protocol["test_scans"]} test scans, one linear layer on frozen features, '
        f'{protocol["scans_per_draw"]} labelled scans; mean and standard deviation of {protocol["draws"]} draws.',
        f'Classes that do not occur in the test set and are left out of the mean: {absent}.',
    ]
    header = ('features', 'mIoU', 'over random + raw')
    return [
        Table(header, records.probe_table(probe)),
        Sentences(notes),
        Table(('IoU per class', *(row.replace('_', ' ') for row in rows)), per_class),
    ]


def _detection_parts(detection: Mapping[str, Any], folders: RunFolders) -> list:
    per_class = [
        (name, *(f'{detection[start]["AP"][name]:.3f}' for start in STARTS)) for name in detection['scratch']['AP']
    ]
    return [
        Table(('detector', 'mAP', 'NDS', 'AP car'), records.detection_table(detection)),
        Sentences([f'Official nuScenes devkit on the val scenes; {detection["note"]}.']),
        Table(('AP per class', 'from scratch', 'from DOS weights'), per_class),
        _box_picture(folders),
    ]


def _box_picture(folders: RunFolders) -> Picture:
    """The val key frame with the most true boxes, under both detectors."""
    dataset = folders.pretrain_config.train_dataloader.dataset
    infos = load_info_pickle(str(Path(dataset.data_root) / TEST_INFOS))
    names = {index: name for name, index in infos['metainfo']['categories'].items()}
    truths = [flat_truth(info, names) for info in infos['data_list']]
    number = max(range(len(truths)), key=lambda i: int(truths[i].within(REACH_M).sum()))
    info = infos['data_list'][number]
    labels = {'scratch': 'CenterPoint from scratch', 'dos': 'CenterPoint from DOS weights'}
    predictions = {
        labels[start]: flat_predictions(folders.detection(start, folders.seeds[0]) / 'test' / RESULTS, info)
        for start in STARTS
    }
    scan = scans_of(folders.pretrain_config, TEST_INFOS, None)[number]
    points = scan.points[scan.key_rows, :2].numpy()
    figure = draw_boxes_from_above(points, truths[number], predictions, reach_m=REACH_M)
    return Picture(to_png(figure), 'One test scan from above: true boxes, and as many of the surest predictions.')


def _feature_picture(folders: RunFolders) -> Picture:
    """Raw input, a random network and DOS on the first test scan."""
    cfg = folders.pretrain_config
    model = load_pretrained(cfg, folders.checkpoint())
    cut = cut_scenes(scene_names(cfg.train_dataloader.dataset.data_root, TRAIN_INFOS))
    random = random_backbones(cfg, model, [0], Spread(scans_of(cfg, TRAIN_INFOS, cut['pretrain']), 8))
    encoders = EncoderFeatures(model, {**random, 'teacher': model.teacher.backbone})
    scan = scans_of(cfg, TEST_INFOS, None)[0]
    titles = {'raw': 'raw input', 'random_0': 'random initialisation', 'teacher': 'DOS (teacher)'}
    panels = colour_panels(scan, encoders, titles, reach_m=REACH_M)
    xy_m, legend = scan.points[scan.key_rows, :2].numpy(), class_legend(scan.labels)
    figure = draw_features_from_above(xy_m, panels, reach_m=REACH_M, legend=legend)
    caption = (
        'The same test scan four times, from above: true classes, and the first three principal components of the '
        'standardised features as red, green and blue. Points whose features are alike have the same colour.'
    )
    return Picture(to_png(figure), caption)


def _pretraining_parts(pretrain: Mapping[str, Any], folders: RunFolders) -> list:
    scalars = read_scalars(folders.pretrain)
    losses = {name: scalars[name] for name in ('loss', 'loss_same', 'loss_cross') if name in scalars}
    cfg = folders.pretrain_config
    model = load_pretrained(cfg, folders.checkpoint())
    cut = cut_scenes(scene_names(cfg.train_dataloader.dataset.data_root, TRAIN_INFOS))
    scans = Spread(scans_of(cfg, TRAIN_INFOS, cut['pretrain']), 12)
    usage = draw_prototype_usage(usage_over_scans(model, scans), model.head.prior.numpy())
    text = (
        f'{pretrain["steps"]} steps in {pretrain["seconds"]:.0f} s; loss {pretrain["loss_first"]:.2f} at first, '
        f'{pretrain["loss_last"]:.2f} at last. It falls, then may rise as the targets sharpen: watch the monitors.'
    )
    return [
        Sentences([text]),
        Picture(to_png(draw_losses(losses, scalars.get('lr'))), 'Loss terms, means over the logging interval.'),
        Picture(to_png(draw_monitors(scalars)), 'Collapse monitors: features that all look alike would show here.'),
        Picture(to_png(usage), f'How often each prototype is the nearest one, over {len(scans)} whole scans.'),
    ]


def _run_parts(report: Mapping[str, Any]) -> list:
    seconds = [(name, f'{value:.0f}') for name, value in report['seconds'].items()]
    where = report['machine']
    lines = [
        f'Seed {report["seed"]}; {where["device"]}, {where["cpus"]} CPUs; commit {report["commit"] or "unknown"}.',
        'Versions: ' + ', '.join(f'{name} {version}' for name, version in report['versions'].items()) + '.',
    ]
    return [Table(('stage (some run side by side)', 'seconds'), seconds), Sentences(lines)]
