"""What a checkpoint sees in sweeps: dos-mm3d visualize SWEEP... --checkpoint CHECKPOINT [--out-dir FOLDER]."""

import argparse
from typing import Any

from ..datasets.readers import ReadOptions
from ..engine.arguments import add_quiet
from ..errors import InputError
from ..files import home_path, write_together
from ..probe.softmaps import softmaps_of
from ..progress import announce
from ..studies.protocols.encoder_input import EncoderInput, SensorFrame
from ..studies.protocols.sources import Source
from ..studies.seeing.feature_files import check_files, feature_files
from ..studies.seeing.labels import read_labels
from ..studies.seeing.sweeps import SeenSweep, SweepFiles, load_source, see, source_of
from ..studies.seeing.together import CLUSTERS, Chosen, SeenTogether, both_sides
from ..visualization.rerun_file import load_rerun
from ..visualization.viewed import NO_CATEGORY


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """Sweeps, whose features, which point and prototypes, how the files are read."""
    parser = argparse.ArgumentParser(description='Pictures, .ply and a page of the features of sweeps', **more)
    parser.add_argument('sweeps', nargs='+', type=home_path, metavar='SWEEP', help='.bin .pcd .npy .npz .ply .feather')
    whose = 'pretraining checkpoint, exported file, or name of weights that ship, such as second_small'
    parser.add_argument('--checkpoint', required=True, metavar='[DATASET=]PATH', help=whose)
    parser.add_argument('--config', help='of the pretraining; default: in the file, or the one beside it')
    parser.add_argument('--out-dir', type=home_path, default=home_path('work_dirs/features'), help='folder to write')
    place = 'place in the first sweep [m]; similarity to the point nearest to it'
    parser.add_argument('--point', type=float, nargs='+', metavar=('X', 'Y'), help=place)
    parser.add_argument('--prototypes', type=int, nargs='+', default=[], help='numbers; default: the most used')
    parser.add_argument('--most-used', type=int, default=16, help='so many prototypes in the page')
    parser.add_argument('--clusters', type=int, default=CLUSTERS, help='of the features, the same in all sweeps')
    labels = 'a label file for each sweep: .label of SemanticKITTI, .npy, or .bin of one byte a point'
    parser.add_argument('--labels', nargs='+', type=home_path, metavar='FILE', help=labels)
    names = 'JSON with the names of the labels: a list, {number: name}, or category.json of nuScenes'
    parser.add_argument('--label-names', type=home_path, metavar='FILE', help=names)
    parser.add_argument('--rrd', action='store_true', help='a recording for Rerun, too (pip install "dos_mm3d[rerun]")')
    parser.add_argument('--bin-columns', type=int, help='float32 columns of raw files')
    parser.add_argument('--npz-key', help='array of .npz files')
    parser.add_argument('--missing-intensity', choices=['error', 'zero'], default='error')
    parser.add_argument('--intensity-max', type=float, help='the intensity that becomes 1; default: 1, 255 or 65535')
    ground = 'height of the road in the files [m], e.g. -1.73; default: z as it is'
    parser.add_argument('--ground-z', type=float, help=ground)
    parser.add_argument('--forward', choices=['x', 'y'], help='axis of the files that points ahead; default: as it is')
    add_quiet(parser)
    return parser


def check_args(args: argparse.Namespace) -> None:
    """Before anything is read or computed."""
    if args.point is not None and len(args.point) not in (2, 3):
        raise InputError(f'--point {" ".join(map(str, args.point))}: wanted X Y or X Y Z in metres')
    for name in ('most_used', 'clusters'):
        if getattr(args, name) < 1:
            raise InputError(f'--{name.replace("_", "-")} {getattr(args, name)}: wanted 1 or more')
    if args.clusters > NO_CATEGORY:
        raise InputError(f'--clusters {args.clusters}: wanted at most {NO_CATEGORY}, more colours are not told apart')
    if args.intensity_max is not None and not args.intensity_max > 0:
        raise InputError(f'--intensity-max {args.intensity_max}: wanted a positive number')
    if args.labels and len(args.labels) != len(args.sweeps):
        raise InputError(f'--labels: {len(args.labels)} files for {len(args.sweeps)} sweeps; wanted one for each')
    if args.label_names and not args.labels:
        raise InputError(f'--label-names {args.label_names}: names of which labels? Wanted --labels, too')
    if args.rrd:
        load_rerun()


def known_frame(source: Source, args: argparse.Namespace) -> SensorFrame:
    """How the files lie. InputError where pretraining does not say how its own lay: nothing would come of it."""
    for option, given, known in (
        ('--ground-z', args.ground_z, source.input.ground_z_m),
        ('--forward', args.forward, source.input.forward),
    ):
        if given is not None and known is None:
            raise InputError(
                f'{option} {given}: {source.config_file} does not say how its own sweeps lay; leave it out'
            )
    return SensorFrame(args.ground_z, args.forward)


def told_input(known: EncoderInput, frame: SensorFrame) -> str:
    """What the encoder was fed, and how the files differ from its pretraining where they are not said to lie."""
    told = [f'fed as in pretraining: {", ".join(known.channels)}']
    if known.intensity_ranks:
        told.append('intensities as ranks within a sweep')
    for what, value, wanted, given, option in (
        ('axes', known.forward, '{} ahead', frame.forward, '--forward'),
        ('heights', known.ground_z_m, 'the road at {:g} m', frame.ground_z_m, '--ground-z'),
    ):
        if value is not None:
            wanted = wanted.format(value)
            as_is = f'{what} as they are (pretraining had {wanted}; {option} says how yours lie)'
            told.append(as_is if given is None else wanted)
    return '; '.join(told)


def main() -> None:
    """Read, encode, write; tell what is like the chosen point."""
    args = make_parser().parse_args()
    check_args(args)
    source = source_of(args.checkpoint, args.config)
    options = ReadOptions(args.bin_columns, args.npz_key, args.missing_intensity)
    check_files(args.out_dir, args.sweeps)
    frame = known_frame(source, args)
    labels = read_labels(args.labels, args.label_names) if args.labels else None
    announce(f'visualize: {len(args.sweeps)} sweeps as {args.checkpoint} sees them; results: {args.out_dir}')
    model = load_source(source)
    sweeps = see(model, source, SweepFiles(args.sweeps, options, args.intensity_max), frame, labels)
    both = both_sides(sweeps)
    softmaps = both and softmaps_of(model, *both, most_used=args.most_used, chosen=args.prototypes)
    if args.prototypes and softmaps is None:
        raise InputError(f'--prototypes: {source.checkpoint} has no head with prototypes, so it has no softmaps')
    seen = SeenTogether(sweeps, softmaps, labels and labels.names, args.clusters)
    chosen = seen.chosen(args.point) if args.point else None
    drawn = len(args.prototypes) or 4
    written = feature_files(seen, args.out_dir, chosen, n_prototypes=drawn, rerun=args.rrd)
    write_together(written)
    print(told_input(source.input, frame))
    report(seen, chosen)
    report_softmaps(seen, drawn)
    print('written: ' + ', '.join(str(path) for path, content in written.items() if content is not None))


def report(seen: SeenTogether, chosen: Chosen | None) -> None:
    """Sizes, and the places that are most like the chosen one."""
    for sweep in seen.sweeps:
        print(f'{sweep.file}: {len(sweep.points)} points, {len(sweep.teacher)} loss voxels; {sweep.n_outside} outside')
    print(f'similarities: cosines on {seen.directions[0].shape[1]} principal axes, {seen.kept:.1%} of variance')
    for number, rows in enumerate(chosen.nearest if chosen else (), start=1):
        sweep = seen.sweeps[number]
        for row in rows:
            cosine = chosen.cosines[number][sweep.cell_of_point[row]]
            print(f'{told_place(sweep, row)}, cosine {cosine:.3f}')


def report_softmaps(seen: SeenTogether, n_prototypes: int) -> None:
    """The place of every sweep that uses each of the first prototypes most, by the teacher's softmap."""
    if seen.softmaps is None:
        print(
            'an exported backbone, or a head without prototypes: no softmaps; colours, clusters and similarities only'
        )
        return
    for column, number in enumerate(seen.softmaps.prototypes[:n_prototypes].tolist()):
        rows = seen.most_using('teacher', column)
        places = '; '.join(told_place(sweep, own[0]) for sweep, own in zip(seen.sweeps, rows))
        print(f'prototype {number}: nearest to {seen.softmaps.shares[column]:.1%} of the places; most at {places}')


def told_place(sweep: SeenSweep, row: int) -> str:
    """Where a point lies."""
    place = ', '.join(f'{value:.2f}' for value in sweep.points[row, :3].tolist())
    return f'{sweep.file.name}: ({place}) m'
