"""The quickstart's result: report.json with every number, report.html with every picture."""

import contextlib
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger

from ...datasets.info_pickle import load_info_pickle
from ...files import nan_to_none, read_json, write_json, write_text
from ...probe.checkpoint import TEST_INFOS, pretraining_scans, scans_of
from ...probe.features import EncoderFeatures
from ...probe.pretrained import load_pretrained, random_backbones
from ...visualization.boxes_bev import draw_boxes_from_above
from ...visualization.curves import draw_losses, draw_monitors, draw_prototype_usage
from ...visualization.features_pca import draw_features_from_above
from ...visualization.style import to_png
from ..runner.devkit import RESULTS
from ..runner.facts import commit, machine, versions
from ..runner.scalars import read_scalars, summarise_pretraining
from .finetune_record import STARTS, TASKS, RunFolders, collect_finetuned
from .picture_arrays import class_legend, colour_panels, flat_predictions, flat_truth, usage_over_scans
from .probe_table import PROBE_ROWS, UNITS, probe_table
from .report_html import Picture, Section, Sentences, Table, render_page
from .text import START_LABELS, conclusions, finetune_header, finetune_table, plain_table

REACH_M = 40.0


def collect(folders: RunFolders, *, seconds: Mapping[str, float], seed: int) -> dict[str, Any]:
    """Everything that goes into report.json. ValueError where two runs were no fair pair."""
    report = {
        'units': UNITS,
        'seed': seed,
        'pretrain': summarise_pretraining(read_scalars(folders.pretrain)),
        'probe': read_json(folders.probe),
        folders.task: collect_finetuned(folders),
        'seconds': dict(seconds),
        'versions': versions(),
        'machine': machine(),
        'commit': commit(Path(__file__).parent),
    }
    report['conclusions'] = conclusions(report)
    return nan_to_none(report)


def write_report(folders: RunFolders, *, seconds: Mapping[str, float], seed: int) -> str:
    """Write report.json and report.html into the root folder; returns the one table to print, as text."""
    # models and data sets announce themselves when they are built; here that is no news
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    report = collect(folders, seconds=seconds, seed=seed)
    write_json(folders.root / 'report.json', report)
    with contextlib.redirect_stdout(io.StringIO()):
        html = page(report, folders)
    write_text(folders.root / 'report.html', html)
    return plain_table(report) + f'\n{folders.root / "report.html"}\n{folders.root / "report.json"}'


def page(report: Mapping[str, Any], folders: RunFolders) -> str:
    """report.html as text, every picture inside."""
    sections = [
        Section('What came out', [Sentences(report['conclusions'])]),
        Section('Linear probe', _probe_parts(report['probe'])),
        Section('Features of one scan', [_feature_picture(folders)]),
        Section(f'{folders.task.capitalize()} with few labelled scenes', _finetune_parts(report, folders)),
        Section('Pretraining', _pretraining_parts(report['pretrain'], folders)),
        Section('How it was run', _run_parts(report)),
    ]
    return render_page(
        'DOS quickstart', 'Self-supervised pretraining on the embedded data set, and what it bought.', sections
    )


def _probe_parts(probe: Mapping[str, Any]) -> list:
    protocol = probe['protocol']
    rows = [key for key in PROBE_ROWS if key in probe]
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
        Table(header, probe_table(probe)),
        Sentences(notes),
        Table(('IoU per class', *(row.replace('_', ' ') for row in rows)), per_class),
    ]


def _finetune_parts(report: Mapping[str, Any], folders: RunFolders) -> list:
    task, found = TASKS[folders.task], report[folders.task]
    classes = found['scratch'][task.per_class]
    per_class = [(name, *(_number(found[start][task.per_class][name]) for start in STARTS)) for name in classes]
    return [
        Table(finetune_header(folders.task), finetune_table(report)),
        Sentences([f'{task.scorer}, val scenes; {found["note"]}.']),
        Table((f'{task.per_class} per class', *START_LABELS.values()), per_class),
        *([_box_picture(folders)] if folders.task == 'detection' else []),
    ]


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'


def _box_picture(folders: RunFolders) -> Picture:
    """The val key frame with the most true boxes, under both detectors."""
    dataset = folders.pretrain_config.train_dataloader.dataset
    infos = load_info_pickle(str(Path(dataset.data_root) / TEST_INFOS))
    names = {index: name for name, index in infos['metainfo']['categories'].items()}
    truths = [flat_truth(info, names) for info in infos['data_list']]
    number = max(range(len(truths)), key=lambda i: int(truths[i].within(REACH_M).sum()))
    info = infos['data_list'][number]
    labels = {start: f'{folders.model} {label}' for start, label in START_LABELS.items()}
    predictions = {
        labels[start]: flat_predictions(folders.finetuned(start, folders.seeds[0]) / 'test' / RESULTS, info)
        for start in STARTS
    }
    scan = scans_of(folders.pretrain_config, TEST_INFOS, None)[number]
    points = scan.points[scan.key_rows, :2].numpy()
    figure = draw_boxes_from_above(points, truths[number], predictions, reach_m=REACH_M)
    return Picture(to_png(figure), 'One test scan from above: true boxes, and as many of the surest predictions.')


def _feature_picture(folders: RunFolders) -> Picture:
    """Raw input, a random network and DOS on the first test scan."""
    cfg = folders.pretrain_config
    model = load_pretrained(cfg, folders.checkpoint)
    random = random_backbones(cfg, model, [0], pretraining_scans(cfg, 8))
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
    model = load_pretrained(cfg, folders.checkpoint)
    scans = pretraining_scans(cfg, 12)
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
    return [Table(('cell (some run side by side)', 'seconds'), seconds), Sentences(lines)]
