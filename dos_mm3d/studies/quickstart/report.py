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
from ..runner import describe_machine
from ..runner.devkit import RESULTS
from ..runner.markdown import markdown_table, number, page
from ..runner.scalars import read_scalars, summarise_pretraining
from .finetune_record import STARTS, TASKS, RunFolders, collect_finetuned
from .picture_arrays import class_legend, colour_panels, flat_predictions, flat_truth, usage_over_scans
from .probe_table import PROBE_ROWS, UNITS, probe_table
from .report_html import bullets, picture, render_page
from .text import START_LABELS, conclusions, finetune_header, finetune_table, plain_table

TITLE = 'DOS quickstart'
REACH_M = 40.0


def collect(folders: RunFolders, *, seconds: Mapping[str, float], seed: int) -> dict[str, Any]:
    """Everything that goes into report.json. ValueError where two runs were no fair pair."""
    report = {
        'units': UNITS,
        'seed': seed,
        'pretrain': summarise_pretraining(read_scalars(folders.pretrain)),
        'probe': read_json(folders.probe),
        folders.choice.task: collect_finetuned(folders),
        'seconds': dict(seconds),
        **describe_machine(),
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
        html = render_page(TITLE, page(TITLE, True, _sections(report, folders)))
    write_text(folders.root / 'report.html', html)
    return plain_table(report) + f'\n{folders.root / "report.html"}\n{folders.root / "report.json"}'


def _sections(report: Mapping[str, Any], folders: RunFolders) -> dict[str, str]:
    """Heading -> Markdown, every picture inside."""
    return {
        '': 'Self-supervised pretraining on the embedded data set, and what it bought.',
        'What came out': bullets(report['conclusions']),
        'Linear probe': _probe_text(report['probe']),
        'Features of one scan': _feature_picture(folders),
        f'{folders.choice.task.capitalize()} with few labelled scenes': _finetune_text(report, folders),
        'Pretraining': _pretraining_text(report['pretrain'], folders),
        'How it was run': _run_text(report),
    }


def _probe_text(probe: Mapping[str, Any]) -> str:
    protocol = probe['protocol']
    rows = [key for key in PROBE_ROWS if key in probe]
    per_class = [(name, *(number(probe[row]['per_class'][name]) for row in rows)) for name in probe['raw']['per_class']]
    absent = ', '.join(protocol['classes_absent_from_test']) or 'none'
    notes = [
        f'mIoU in percent on {protocol["test_scans"]} test scans, one linear layer on frozen features, '
        f'{protocol["scans_per_draw"]} labelled scans; mean and standard deviation of {protocol["draws"]} draws.',
        f'Classes that do not occur in the test set and are left out of the mean: {absent}.',
    ]
    return '\n\n'.join(
        (
            markdown_table(('features', 'mIoU', 'over random + raw'), probe_table(probe)),
            bullets(notes),
            markdown_table(('IoU per class', *(row.replace('_', ' ') for row in rows)), per_class),
        )
    )


def _finetune_text(report: Mapping[str, Any], folders: RunFolders) -> str:
    task, found = TASKS[folders.choice.task], report[folders.choice.task]
    classes = [found[start][task.per_class] for start in STARTS]
    parts = [
        markdown_table(finetune_header(folders.choice.task), finetune_table(report)),
        bullets([f'{task.scorer}, val scenes; {found["note"]}.']),
        markdown_table(
            (f'{task.per_class} per class', *START_LABELS.values()),
            [(name, *(number(values[name], '.3f') for values in classes)) for name in classes[0]],
        ),
    ]
    return '\n\n'.join([*parts, *([_box_picture(folders)] if folders.choice.task == 'detection' else [])])


def _box_picture(folders: RunFolders) -> str:
    """The val key frame with the most true boxes, under both detectors."""
    dataset = folders.pretrain_config.train_dataloader.dataset
    infos = load_info_pickle(str(Path(dataset.data_root) / TEST_INFOS))
    truths = [flat_truth(info) for info in infos['data_list']]
    number = max(range(len(truths)), key=lambda i: int(truths[i].within(REACH_M).sum()))
    info = infos['data_list'][number]
    labels = {start: f'{folders.choice.model} {label}' for start, label in START_LABELS.items()}
    predictions = {
        labels[start]: flat_predictions(folders.finetuned(start, folders.seeds[0]) / 'test' / RESULTS, info)
        for start in STARTS
    }
    scan = scans_of(folders.pretrain_config, TEST_INFOS, None)[number]
    points = scan.points[scan.key_rows, :2].numpy()
    figure = draw_boxes_from_above(points, truths[number], predictions, reach_m=REACH_M)
    return picture(to_png(figure), 'One test scan from above: true boxes, and as many of the surest predictions.')


def _feature_picture(folders: RunFolders) -> str:
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
    return picture(to_png(figure), caption)


def _pretraining_text(pretrain: Mapping[str, Any], folders: RunFolders) -> str:
    scalars = read_scalars(folders.pretrain)
    losses = {name: scalars[name] for name in ('loss', 'loss_same', 'loss_cross') if name in scalars}
    model = load_pretrained(folders.pretrain_config, folders.checkpoint)
    scans = pretraining_scans(folders.pretrain_config, 12)
    usage = draw_prototype_usage(usage_over_scans(model, scans), model.head.prior.numpy())
    text = (
        f'{pretrain["steps"]} steps in {pretrain["seconds"]:.0f} s; loss {pretrain["loss_first"]:.2f} at first, '
        f'{pretrain["loss_last"]:.2f} at last. It falls, then may rise as the targets sharpen: watch the monitors.'
    )
    pictures = {
        'Loss terms, means over the logging interval.': draw_losses(losses, scalars.get('lr')),
        'Collapse monitors: features that all look alike would show here.': draw_monitors(scalars),
        f'How often each prototype is the nearest one, over {len(scans)} whole scans.': usage,
    }
    return '\n\n'.join([bullets([text]), *(picture(to_png(figure), words) for words, figure in pictures.items())])


def _run_text(report: Mapping[str, Any]) -> str:
    seconds = [(name, f'{value:.0f}') for name, value in report['seconds'].items()]
    where = report['machine']
    lines = [
        f'Seed {report["seed"]}; {where["device"]}, {where["cpus"]} CPUs; commit {report["commit"] or "unknown"}.',
        'Versions: ' + ', '.join(f'{name} {version}' for name, version in report['versions'].items()) + '.',
    ]
    return f'{markdown_table(("cell (some run side by side)", "seconds"), seconds)}\n\n{bullets(lines)}'
