"""The quickstart's result: every number as JSON; tables, sentences and pictures as one HTML page."""

import contextlib
import io
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import MMLogger

from ...datasets.nuscenes.classes import CLASSES
from ...files import write_json, write_text
from ...probe.pretrained import load_pretrained
from ...probe.scans import spread
from ...units import duration
from ...visualization.curves import draw_losses, draw_monitors, draw_prototype_usage
from ..protocols.differences import difference_table
from ..protocols.table import class_sections
from ..runner.markdown import markdown_table, page
from ..runner.report_html import page_here, picture, render_page
from ..runner.scalars import read_scalars
from ..seeing.scans import CAPTION, scans_page
from .choices import Quickstart
from .pictures import draw_boxes, draw_features, usage_over_scans
from .results import TASKS, collect, finetune_table, probe_table, seeds_note

SCANS = 'test scans'


def write_report(quickstart: Quickstart, seconds: Mapping[str, float]) -> str:
    """Write both into the root folder; returns the tables and what they say."""
    # models and data sets announce themselves when they are built; here that is no news
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    report = collect(quickstart, seconds)
    with contextlib.redirect_stdout(io.StringIO()):
        text = page('DOS quickstart', True, _sections(report, quickstart))
    record = quickstart.root / 'report.json'
    write_json(record, report)
    model = load_pretrained(quickstart.pretrain_config, quickstart.checkpoint)
    pages = {SCANS: scans_page(model, quickstart.scans('test'), CLASSES)}
    write_text(record.with_suffix('.html'), render_page('DOS quickstart', text, pages))
    words = [probe_table(report), finetune_table(report), bullets(report['conclusions'])]
    return '\n\n'.join(['', *words, f'{record.with_suffix(".html")}\n{record}'])


def bullets(lines: Sequence[str]) -> str:
    """Markdown of plain sentences, one list item each."""
    return '\n'.join(f'- {line}' for line in lines)


def _sections(report: Mapping[str, Any], quickstart: Quickstart) -> dict[str, str]:
    """Heading -> Markdown."""
    task = TASKS[quickstart.choice.protocol][0]
    return {
        '': 'Self-supervised pretraining on the embedded data set, and what it bought.',
        'What came out': bullets(report['conclusions']),
        'Linear probe': _probe_text(report),
        'Features of one scan': picture(
            draw_features(quickstart),
            'The same test scan four times, from above: true classes, and the first three principal components of the '
            'standardised features as red, green and blue. Points whose features are alike have the same colour.',
        ),
        'Test scans to turn and click in': page_here(SCANS, CAPTION),
        f'{task.capitalize()} with few labelled scenes': _finetune_text(report, quickstart),
        'Pretraining': _pretraining_text(report['pretrain'], quickstart),
        'How it was run': _run_text(report),
    }


def _probe_text(report: Mapping[str, Any]) -> str:
    record = report['probe']
    first = 'mIoU on the test scans; ± is the standard deviation over the draws of labelled scans.'
    return '\n\n'.join([probe_table(report), bullets([first, *record['notes']]), *_class_tables(record)])


def _class_tables(record: Mapping[str, Any]) -> list[str]:
    return [f'{title}:\n\n{table}' for title, table in class_sections(record).items()]


def _finetune_text(report: Mapping[str, Any], quickstart: Quickstart) -> str:
    record = report['finetune']
    words = bullets([f'Test scans, {seeds_note(report)}.', *record['notes']])
    parts = [finetune_table(report), words, difference_table(record), *_class_tables(record)]
    if quickstart.choice.protocol == 'detection':
        caption = 'One test scan from above: true boxes, and as many of the surest predictions.'
        parts.append(picture(draw_boxes(quickstart, record), caption))
    return '\n\n'.join(parts)


def _pretraining_text(pretrain: Mapping[str, Any], quickstart: Quickstart) -> str:
    scalars = read_scalars(quickstart.checkpoint.parent)
    losses = {name: scalars[name] for name in ('loss', 'loss_same', 'loss_cross') if name in scalars}
    model = load_pretrained(quickstart.pretrain_config, quickstart.checkpoint)
    scans = spread(quickstart.scans('pretrain'), 12)
    usage = draw_prototype_usage(usage_over_scans(model, scans), model.head.prior.numpy())
    text = (
        f'{pretrain["steps"]} steps in {duration(pretrain["seconds"])}; loss {pretrain["loss_first"]:.2f} at first, '
        f'{pretrain["loss_last"]:.2f} at last. It falls, then may rise as the targets sharpen: watch the monitors.'
    )
    pictures = [
        ('Loss terms, means over the logging interval.', draw_losses(losses, scalars.get('lr'))),
        ('Collapse monitors: features that all look alike would show here.', draw_monitors(scalars)),
        (f'How often each prototype is the nearest one, over {len(scans)} whole scans.', usage),
    ]
    shown = [picture(figure, words) for words, figure in pictures]
    return '\n\n'.join([bullets([text]), *shown])


def _run_text(report: Mapping[str, Any]) -> str:
    times = [(name, duration(seconds)) for name, seconds in report['seconds'].items()]
    where = report['machine']
    lines = [
        f'Seed {report["seed"]}; {where["device"]}, {where["cpus"]} CPUs; commit {report["commit"] or "unknown"}.',
        'Versions: ' + ', '.join(f'{name} {version}' for name, version in report['versions'].items()) + '.',
    ]
    return f'{markdown_table(("cell (some run side by side)", "time"), times)}\n\n{bullets(lines)}'
