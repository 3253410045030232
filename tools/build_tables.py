"""Write the README's tables, and docs/results/protocols.md, from the records in docs/results.

--check only compares, and fails where they disagree."""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dos_mm3d.studies.ablation.text import SPLITS, plus_minus
from dos_mm3d.studies.ablation.text import markdown_table as markdown
from dos_mm3d.studies.ablation.text import summary as ladder_summary
from dos_mm3d.studies.config_check.check import FAILS
from dos_mm3d.studies.protocols.table import summary as protocol_summary
from dos_mm3d.studies.quickstart.probe_table import probe_table
from dos_mm3d.studies.quickstart.text import finetune_header, finetune_table, task_of

README = ROOT / 'README.md'
RECORDS = ROOT / 'docs' / 'results'
LADDERS = ('ladder.json', 'ladder_test.json')
BACKBONES = {
    'SparseEncoder': 'zipf_1p3_2000_steps_test.json',
    'MinkUNet': 'backbone_minkunet_test.json',
    'PTv3': 'backbone_ptv3_test.json',
}
BACKBONE_BASELINES = {'random': 'random', 'random_raw': 'random + raw', 'handcrafted': 'hand-crafted + raw'}
LABEL_EFFICIENCY = 'label_efficiency_synthetic_test.json'
CROSS_DOMAIN = 'cross_domain_synthetic_synthetic_semantickitti_synthetic_waymo_test.json'
IN_README = (LABEL_EFFICIENCY, CROSS_DOMAIN)
NOT_RUN = 'not run'


def main() -> int:
    """0 when texts and records agree (or have been made to), else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='compare only')
    check_only = parser.parse_args().check
    tables = {
        'quickstart': quickstart_tables(),
        'ladder': ladder_tables(),
        'backbones': backbone_table(),
        'real-folders': real_folder_table(),
        'label-efficiency': protocol_tables(LABEL_EFFICIENCY),
        'cross-domain': protocol_tables(CROSS_DOMAIN),
        'config-check': config_check_line(),
    }
    texts = {README: with_tables(README.read_text(), tables), RECORDS / 'protocols.md': protocol_page()}
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]
    if check_only and stale:
        names = ', '.join(path.name for path in stale)
        print(f'{names}: not what docs/results has; run: python tools/build_tables.py', file=sys.stderr)
        return 1
    for path in stale:
        path.write_text(texts[path])
    return 0


def with_tables(text: str, tables: dict[str, str]) -> str:
    """`text` with what stands between <!-- NAME --> and <!-- /NAME --> replaced. ValueError for a missing marker."""
    for name, table in tables.items():
        pattern = re.compile(rf'(<!-- {name} -->\n).*?(<!-- /{name} -->)', re.DOTALL)
        text, count = pattern.subn(lambda match, table=table: f'{match[1]}\n{table}\n\n{match[2]}', text)
        if count != 1:
            raise ValueError(f'README.md has {count} places marked {name}, wanted one')
    return text


def read_record(name: str) -> dict[str, Any] | None:
    """A record, None where it has not been made."""
    path = RECORDS / name
    return json.loads(path.read_text()) if path.is_file() else None


def quickstart_tables() -> str:
    """Probe and detection of the recorded quickstart, and where it was run."""
    record = read_record('quickstart.json')
    if record is None:
        return f'Quickstart: {NOT_RUN}.'
    probe = markdown(
        ('features, linear probe on 16 classes', 'mIoU [%]', 'over random + raw'), probe_table(record['probe'])
    )
    tuned = markdown(finetune_header(task_of(record)), finetune_table(record))
    machine, pretrain = record['machine'], record['pretrain']
    facts = (
        f'{pretrain["steps"]} steps of pretraining in {pretrain["seconds"]:.0f} s, seed {record["seed"]}, '
        f'{machine["cpus"]} CPU cores, device {machine["device"]}, torch {record["versions"]["torch"]}, '
        f'commit `{record["commit"][:10]}`; ± is the standard deviation over draws of the labelled scans; '
        f'detection: {record["detection"]["note"]}.'
    )
    return '\n\n'.join((probe, tuned, facts, *record['conclusions']))


def ladder_tables() -> str:
    """The ladder on the validation scenes, and on the test scenes where that has been recorded too."""
    records = [record for name in LADDERS if (record := read_record(name)) is not None]
    parts = [f'On the {SPLITS[record["split"]]}:\n\n{ladder_summary(record)}' for record in records]
    return '\n\n'.join(parts) if parts else f'Ladder: {NOT_RUN}.'


def backbone_table() -> str:
    """DOS and its baselines for every backbone: one row each, teacher's linear probe on the test scenes."""
    header = ('backbone', 'steps', 'seeds', *BACKBONE_BASELINES.values(), 'DOS', 'DOS + raw', 'over random + raw')
    return markdown(header, [backbone_row(name, read_record(file)) for name, file in BACKBONES.items()])


def backbone_row(name: str, record: dict[str, Any] | None) -> tuple[str, ...]:
    """The reference row of a ladder's record beside the baselines."""
    if record is None:
        return (name, *[NOT_RUN] * (len(BACKBONE_BASELINES) + 5))
    row = next(row for row in record['rows'] if row['name'] == record['reference'])
    baselines = [
        plus_minus(found['mean'], found['sd']) for key in BACKBONE_BASELINES for found in [record['baselines'][key]]
    ]
    raw = row['other_features']['teacher_raw']
    gain = row['mean'] - record['baselines']['random_raw']['mean']
    numbers = (plus_minus(row['mean'], row['sd']), plus_minus(raw['mean'], raw['sd']), f'{gain:+.1f}')
    return (name, str(record['steps']), str(len(row['seeds'])), *baselines, *numbers)


def protocol_tables(name: str) -> str:
    """A record of tools/run_protocol.py."""
    record = read_record(name)
    return f'{NOT_RUN}.' if record is None else protocol_summary(record)


def protocol_page() -> str:
    """The records of tools/run_protocol.py that the README does not show, one section each."""
    records = {path.name: json.loads(path.read_text()) for path in sorted(RECORDS.glob('*_test.json'))}
    sections = [
        f'## {record["title"]}: {", ".join(dataset["title"] for dataset in record["datasets"])}\n\n'
        f'`{name}`\n\n{protocol_summary(record)}'
        for name, record in records.items()
        if 'protocol' in record and 'datasets' in record and name not in IN_README
    ]
    head = '# Protocols on the embedded sets\n\nWritten by `tools/build_tables.py`. What each is: `docs/protocols.md`.'
    return '\n\n'.join([head, *sections]) + '\n'


def config_check_line() -> str:
    """How many configs tools/check_configs.py built, stepped and tested, and which failed."""
    record = read_record('config_check.json')
    if record is None:
        return f'Every config on its miniature: {NOT_RUN}.'
    failed = [name for name, outcome in record['configs'].items() if outcome['outcome'] == FAILS]
    return (
        f'Every config on its miniature (`tools/check_configs.py --all`): {record["passed"]} of '
        f'{len(record["configs"])} were built, trained two steps and, where they have a test, tested, in '
        f'{record["seconds"] / 60:.0f} minutes, device {record["device"]}, commit `{record["commit"][:10]}`; '
        f'failed: {", ".join(failed) or "none"}.'
    )


def real_folder_table() -> str:
    """One row per folder of real sweeps that was pretrained on."""
    record = read_record('real_folders.json')
    if record is None:
        return f'Real sweeps: {NOT_RUN}.'
    rows = [
        (
            name,
            *(f'{run[key]:.{digits}f}' for key, digits in (('effective_rank', 1), ('cosine_std', 3), ('seconds', 0))),
        )
        if run
        else (name, *[NOT_RUN] * 3)
        for name, run in record['folders'].items()
    ]
    table = markdown(('folder', 'effective rank (>= 4)', 'sd of cosines (>= 0.05)', 'seconds'), rows)
    return f'{table}\n\n{record["note"]} Commit `{record["commit"][:10]}`.'


if __name__ == '__main__':
    sys.exit(main())
