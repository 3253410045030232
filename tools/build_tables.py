"""Write the tables of docs/results.md, docs/benchmarks.md (steps and ranks) and docs/troubleshooting.md, and the
README's six numbers, from the records in docs/results, and those of docs/model_zoo.md from the index of the weights.

--check only compares, and fails where they disagree."""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.errors import InputError
from dos_mm3d.studies.config_check.check import FAILS
from dos_mm3d.studies.faults.report import summary as fault_summary
from dos_mm3d.studies.planted import planted_tables
from dos_mm3d.studies.protocols.folder_sets import FOLDER_SETS
from dos_mm3d.studies.protocols.ladder_text import SCENES, lost_seeds
from dos_mm3d.studies.protocols.ladder_text import summary as ladder_summary
from dos_mm3d.studies.protocols.learning_curve import curve_tables
from dos_mm3d.studies.protocols.table import main_table as protocol_table
from dos_mm3d.studies.protocols.table import summary as protocol_summary
from dos_mm3d.studies.quickstart.results import finetune_table, probe_table, seeds_note
from dos_mm3d.studies.runner.markdown import NOT_RUN, markdown_table, plus_minus
from dos_mm3d.studies.zoo import WEIGHTS, model_cards, read_index, zoo_table
from tools.benchmarks.ranks import table as rank_table
from tools.benchmarks.step import tables as step_tables

README = ROOT / 'README.md'
RESULTS = ROOT / 'docs' / 'results.md'
BENCHMARKS = ROOT / 'docs' / 'benchmarks.md'
TROUBLESHOOTING = ROOT / 'docs' / 'troubleshooting.md'
MODEL_ZOO = ROOT / 'docs' / 'model_zoo.md'
RECORDS = ROOT / 'docs' / 'results'
LADDERS = ('ladder.json', 'ladder_test.json')
MINKUNET_LADDER = 'ladder_minkunet_test.json'
LADDER_ON_REAL_FRAMES = 'ladder_minkunet_range_nuscenes_validation.json'
BACKBONE_LADDERS = {
    'SparseEncoder': 'zipf_1p3_2000_steps_test.json',
    'MinkUNet': 'backbone_minkunet_test.json',
    'PTv3': 'backbone_ptv3_test.json',
}
BACKBONE_BASELINES = {'random': 'random', 'random_raw': 'random + raw', 'handcrafted': 'hand-crafted + raw'}
DETECTION = 'detection_zoo_second_small_synthetic_test.json'
LABEL_EFFICIENCY = 'label_efficiency_zoo_1600_steps_synthetic_test.json'
REAL_FRAMES = 'zoo_second_voxel01_range_nuscenes_validation.json'
CROSS_DOMAIN = 'cross_domain_synthetic_synthetic_semantickitti_synthetic_waymo_test.json'
# records of no ladder and no protocol: what they hold, and the command that makes them
OTHER_RECORDS = {
    'quickstart.json': ('quickstart: probe, detection, seconds', 'bash tools/quickstart.sh'),
    'real_folders.json': ('200 steps on each folder of real sweeps', 'python -m tests.references.real_folders'),
    'planted_worlds.json': ('rows of the ladder on planted worlds', 'python -m tests.references.planted_worlds'),
    'fault_campaign.json': (
        'tools killed, without room on the disk, on vanished and damaged files',
        'python tools/fault_campaign.py --record FILE',
    ),
    'config_check.json': ('every config on its miniature', 'python tools/check_configs.py --all --record FILE'),
    'head_benchmark.json': ('streaming loss against N x K matrices', 'python tools/benchmark.py head --json FILE'),
    'data_benchmark.json': (
        'loading, views, masking, packing of one scan',
        'python tools/benchmark.py data --sweep SWEEP --json FILE',
    ),
    'backbone_benchmark.json': (
        'forward and backward of every backbone',
        'python tools/benchmark.py backbone --sweep SWEEP --json FILE',
    ),
    'step_benchmark.json': (
        'a pretraining step of every backbone by part',
        'python tools/benchmark.py step --sweep SWEEP --json FILE',
    ),
    'batch_benchmark.json': (
        'steps of one and of four scans by part',
        'python tools/benchmark.py step --backbones second --threads 1 --batch-sizes 1 4 --sweep SWEEP --json FILE',
    ),
    'ranks_benchmark.json': (
        'two processes of one thread against one',
        'python tools/benchmark.py ranks --batch-sizes 1 4 16 --steps 12 --sweep SWEEP --json FILE',
    ),
    'kitti_metric.json': (
        "KITTI's metric against mmdet3d's own",
        'python -m tests.references.kitti_metric.compare',
    ),
    'waymo_benchmark.json': (
        'speed of the Waymo metric',
        'python -m tests.references.waymo_metric.seconds --json FILE',
    ),
    'waymo_metric.json': (
        'the Waymo metric against the official op',
        'python -m tests.references.waymo_metric.compare',
    ),
}


def main() -> int:
    """0 when texts and records agree (or have been made to), else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='compare only')
    check_only = parser.parse_args().check
    tables = {
        'quickstart': told('Quickstart', quickstart_tables, 'quickstart.json'),
        'ladder': ladder_tables(),
        'ladder-minkunet': told('The ladder over MinkUNet', ladder_summary, MINKUNET_LADDER),
        'ladder-real': told('Its checkpoints on real frames', protocol_table, LADDER_ON_REAL_FRAMES),
        'backbones': backbone_table(),
        'protocols': protocol_sections(),
        'planted-worlds': told('Planted worlds', planted_tables, 'planted_worlds.json'),
        'real-folders': told('Real sweeps', real_folder_table, 'real_folders.json'),
        'config-check': told('Every config on its miniature', config_check_line, 'config_check.json'),
        'records': records_index(),
    }
    weights = read_index(ROOT / WEIGHTS)
    texts = {
        RESULTS: with_tables(RESULTS, tables),
        BENCHMARKS: with_tables(
            BENCHMARKS,
            {
                'steps': told('Steps by part', step_tables, 'step_benchmark.json'),
                'batches': told('Steps of one and four scans', step_tables, 'batch_benchmark.json'),
                'ranks': told('Two ranks', rank_table, 'ranks_benchmark.json'),
            },
        ),
        README: with_tables(README, {'numbers': number_table()}),
        TROUBLESHOOTING: with_tables(
            TROUBLESHOOTING, {'fault-campaign': told('Fault campaign', fault_summary, 'fault_campaign.json')}
        ),
        MODEL_ZOO: with_tables(MODEL_ZOO, {'zoo': zoo_table(weights), 'cards': model_cards(weights)}),
    }
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]
    if check_only and stale:
        names = ', '.join(path.name for path in stale)
        print(f'{names}: not what docs/results has; run: python tools/build_tables.py', file=sys.stderr)
        return 1
    for path in stale:
        path.write_text(texts[path])
    return 0


def with_tables(path: Path, tables: dict[str, str]) -> str:
    """A page with what stands between <!-- NAME --> and <!-- /NAME --> replaced. ValueError for a missing marker."""
    text = path.read_text()
    for name, table in tables.items():
        pattern = re.compile(rf'(<!-- {name} -->\n).*?(<!-- /{name} -->)', re.DOTALL)
        text, count = pattern.subn(lambda match, table=table: f'{match[1]}\n{table}\n\n{match[2]}', text)
        if count != 1:
            raise InputError(f'{path.name} has {count} places marked {name}, wanted one')
    return text


def read_record(name: str) -> dict[str, Any] | None:
    """A record, None where it has not been made."""
    path = RECORDS / name
    return json.loads(path.read_text()) if path.is_file() else None


def told(what: str, tell: Callable[[dict[str, Any]], str], name: str) -> str:
    """What there is to tell of a record, or that it has not been made."""
    record = read_record(name)
    return f'{what}: {NOT_RUN}.' if record is None else tell(record)


def quickstart_tables(record: dict[str, Any]) -> str:
    """Probe and detection of the recorded quickstart, and where it was run."""
    probe = probe_table(record, 'features, linear probe on 16 classes')
    machine, pretrain = record['machine'], record['pretrain']
    facts = (
        f'{pretrain["steps"]} steps of pretraining in {pretrain["seconds"]:.0f} s, seed {record["seed"]}, '
        f'{machine["cpus"]} CPU cores, device {machine["device"]}, torch {record["versions"]["torch"]}, '
        f'commit `{record["commit"][:10]}`; ± is the standard deviation over draws of the labelled scans; '
        f'detection: {seeds_note(record)}.'
    )
    return '\n\n'.join((probe, finetune_table(record), facts, *record['conclusions']))


def ladder_tables() -> str:
    """The ladder on the validation scenes, and on the test scenes where that has been recorded too."""
    records = [record for name in LADDERS if (record := read_record(name)) is not None]
    parts = [f'On the {SCENES[record["split"]]}:\n\n{ladder_summary(record)}' for record in records]
    return '\n\n'.join(parts) if parts else f'Ladder: {NOT_RUN}.'


def backbone_table() -> str:
    """DOS and its baselines for every backbone: one row each, teacher's linear probe on the test scenes."""
    header = ('backbone', 'steps', 'seeds', *BACKBONE_BASELINES.values(), 'DOS', 'DOS + raw', 'over random + raw')
    return markdown_table(header, [backbone_row(name, read_record(file)) for name, file in BACKBONE_LADDERS.items()])


def backbone_row(name: str, record: dict[str, Any] | None) -> tuple[str, ...]:
    """The reference row of a ladder's record beside the baselines."""
    if record is None:
        return (name, *[NOT_RUN] * (len(BACKBONE_BASELINES) + 5))
    baselines, dos = (entries_of(record, row) for row in BACKBONE_BASELINES), entries_of(record, record['reference'])
    found = [*(entries['miou'] for entries in baselines), dos['miou'], dos['dos_raw']]
    gain = dos['miou']['mean'] - entries_of(record, 'random_raw')['miou']['mean']
    facts = name, str(record['settings']['steps']), str(len(dos['miou']['values']))
    return (*facts, *(plus_minus(one['mean'], one['sd']) for one in found), f'{gain:+.1f}')


def protocol_sections() -> str:
    """The records of tools/run_protocol.py, one section each: test splits, and real frames on either split, but for the
    probes of the weights that ship, which stand on their cards."""
    names = [path for path in sorted(RECORDS.glob('*.json')) if is_section(path)]
    records = {path.name: json.loads(path.read_text()) for path in names}
    sections = [
        f'### {record["title"]}: {", ".join(dataset["title"] for dataset in record["datasets"])}\n\n'
        f'`{name}`\n\n{protocol_summary(record)}\n\n{curve_tables(record)}'.rstrip()
        for name, record in records.items()
        if record.get('protocol', 'ladder') != 'ladder'
    ]
    return '\n\n'.join(sections) or f'Protocols: {NOT_RUN}.'


def is_section(path: Path) -> bool:
    """Whether a record is of a test split, or of real frames in folders, FOLDER_SETS, and on no card and no ladder."""
    stem = path.stem.removesuffix('_validation')
    of_folders = any(stem.endswith(f'_{name}') for name in FOLDER_SETS)
    return not stem.startswith(('zoo_', 'ladder_')) and (stem.endswith('_test') or of_folders)


def records_index() -> str:
    """Every file in docs/results: what it holds, with which commit it was made and how."""
    paths = sorted(RECORDS.glob('*.json'))
    return markdown_table(('record', 'what', 'commit', 'made by'), [record_line(path) for path in paths])


def record_line(path: Path) -> tuple[str, ...]:
    """One line of the index. ValueError for a file that no tool is known to write."""
    record = json.loads(path.read_text())
    if record.get('protocol') == 'ladder':
        ladder, steps = record['settings']['ladder'], record['settings']['steps']
        rows = [row for row in record['rows'] if 'config' in row]
        run = [row['name'] for row in rows if row['entries'] or lost_seeds(record, row)]
        folder = 'ablations' if ladder.startswith('ladder') else 'backbones'
        what = f'{"the ladder" if len(run) > 1 else run[0]}, {steps} steps, {SCENES[record["split"]]}'
        only = f' --rows {run[0]}' if len(run) == 1 < len(rows) else ''
        root = record['settings']['overrides'].get('data_root')
        data = f' --cfg-options data_root={root}' if root else ''
        command = (
            f'python tools/ablate.py configs/{folder}/{ladder}{only}{data} --steps {steps} --split {record["split"]}'
        )
    elif 'datasets' in record:
        what = f'{record["title"]}: {", ".join(dataset["title"] for dataset in record["datasets"])}'
        command = f'python tools/run_protocol.py {record["protocol"]} (the rest is in the record)'
    elif path.name in OTHER_RECORDS:
        what, command = OTHER_RECORDS[path.name]
    else:
        raise InputError(f'{path}: a record of no tool; wanted {", ".join(OTHER_RECORDS)}, a ladder or a protocol')
    return (f'`{path.name}`', what, f'`{record["commit"][:10]}`', f'`{command}`')


def number_table() -> str:
    """The six numbers of the README, each with what it has to beat."""
    questions = (
        ('real nuScenes frames, linear probe beside hand-crafted statistics, mIoU, one seed', REAL_FRAMES, real_number),
        ('200 steps of a small CenterPoint with 8 of 40 scenes labelled, mAP, 5 seeds', DETECTION, label_number),
        ('linear probe of a tiny PTv3, mIoU, 3 seeds', BACKBONE_LADDERS['PTv3'], probe_number),
        ('rows of the ablation ladder that separate, 3 seeds', MINKUNET_LADDER, ladder_number),
        ('1600 steps of a MinkUNet with 10 of 110 scenes labelled, mIoU, 3 seeds', LABEL_EFFICIENCY, label_number),
        ('nuScenes to SemanticKITTI, linear probe, mIoU', CROSS_DOMAIN, domain_number),
    )
    rows = [
        (title, *(numbers(record) if (record := read_record(name)) else [NOT_RUN] * 3))
        for title, name, numbers in questions
    ]
    return markdown_table(('question', 'DOS', 'compared with', 'difference (95 % interval)'), rows)


def entries_of(record: dict[str, Any], name: str) -> dict[str, Any]:
    """Column -> number of a row."""
    return next(row['entries'] for row in record['rows'] if row['name'] == name)


def interval(difference: dict[str, Any]) -> str:
    """`+5.8 (+3.5 to +8.0): separates`."""
    return f'{difference["mean"]:+.1f} ({difference["low"]:+.1f} to {difference["high"]:+.1f}): {difference["verdict"]}'


def probe_number(record: dict[str, Any]) -> tuple[str, ...]:
    """The teacher's features against the strongest baseline without pretraining."""
    dos, best = (entries_of(record, name)['miou'] for name in (record['reference'], 'handcrafted'))
    difference = next(
        item for item in record['comparisons'] if (item['features'], item['baseline']) == ('miou', 'handcrafted')
    )
    bar = f'{plus_minus(best["mean"], best["sd"])}, hand-crafted statistics + raw input'
    return plus_minus(dos['mean'], dos['sd']), bar, interval(difference)


def ladder_number(record: dict[str, Any]) -> tuple[str, ...]:
    """How many rows of the ladder separate from the one that they are compared with, and how."""
    titles = {row['name']: row['title'] for row in record['rows']}
    rows = [row for row in record['rows'] if row.get('is_option') is False and 'difference' in row['entries']]
    apart = [row for row in rows if row['entries']['difference']['verdict'] == 'separates']
    told = []
    for row in apart:
        points = row['entries']['difference']['mean']
        told.append(f'{row["title"]}: {abs(points):.1f} {"above" if points > 0 else "below"} {titles[row["above"]]}')
    count = f'{len(apart)} of {len(rows)}'
    return count, f'the rows that they are to beat, {record["settings"]["steps"]} steps', '; '.join(told) or 'none'


def label_number(record: dict[str, Any]) -> tuple[str, ...]:
    """From DOS weights against from scratch, with a share of the labels: the first column of a record of one recipe."""
    column, difference = record['columns'][0], record['differences'][0]
    scratch, dos = (row['entries'][column['name']] for row in record['rows'])
    told = (plus_minus(entry['mean'], entry['sd']) for entry in (dos, scratch))
    return next(told), f'{next(told)} from scratch', interval(difference)


def domain_number(record: dict[str, Any]) -> tuple[str, ...]:
    """Pretrained on the embedded nuScenes, probed on the embedded SemanticKITTI."""
    rows = {row['title']: row['entries']['synthetic_semantickitti']['mean'] for row in record['rows']}
    dos, bar = rows['DOS on embedded nuScenes'], rows['hand-crafted + raw']
    return f'{dos:.1f}', f'{bar:.1f}, hand-crafted statistics + raw input', f'{dos - bar:+.1f}'


def real_number(record: dict[str, Any]) -> tuple[str, ...]:
    """Weights that ship, beside raw input and hand-crafted statistics, against these two alone."""
    rows = {row['title']: row['entries']['miou']['mean'] for row in record['rows']}
    dos, bar = rows['DOS + raw + hand-crafted'], rows['hand-crafted + raw']
    gain = f'{dos - bar:+.1f}: one street, split in time'
    return f'{dos:.1f}', f'{bar:.1f}, hand-crafted statistics + raw input', gain


def config_check_line(record: dict[str, Any]) -> str:
    """How many configs tools/check_configs.py built, stepped and tested, and which failed."""
    failed = [name for name, outcome in record['configs'].items() if outcome['outcome'] == FAILS]
    return (
        f'Every config on its miniature (`tools/check_configs.py --all`): {record["passed"]} of '
        f'{len(record["configs"])} were built, trained two steps and, where they have a test, tested, in '
        f'{record["seconds"] / 60:.0f} minutes, device {record["device"]}, commit `{record["commit"][:10]}`; '
        f'failed: {", ".join(failed) or "none"}.'
    )


def real_folder_table(record: dict[str, Any]) -> str:
    """One row per folder of real sweeps that was pretrained on."""
    forms = {'effective_rank': '.1f', 'cosine_std': '.3f', 'seconds': '.0f'}
    rows = [
        (name, *(format(run[key], form) if run else NOT_RUN for key, form in forms.items()))
        for name, run in record['folders'].items()
    ]
    table = markdown_table(('folder', 'effective rank (>= 4)', 'sd of cosines (>= 0.05)', 'seconds'), rows)
    return f'{table}\n\n{record["note"]} Commit `{record["commit"][:10]}`.'


if __name__ == '__main__':
    run_tool(main)
