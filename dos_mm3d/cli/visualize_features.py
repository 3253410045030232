"""What a checkpoint sees in sweeps: dos-mm3d visualize SWEEP... --checkpoint CHECKPOINT [--out-dir FOLDER]."""

import argparse
from typing import Any

from ..datasets.readers import ReadOptions
from ..engine.arguments import add_quiet
from ..errors import InputError
from ..files import home_path, write_together
from ..probe.softmaps import softmaps_of
from ..progress import announce
from ..studies.protocols.encoder_input import SensorFrame
from ..studies.protocols.sources import Source
from ..studies.seeing.feature_files import Chosen, SeenTogether, check_files, softmaps_parts
from ..studies.seeing.sweeps import SweepFiles, load_source, see, source_of


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """Sweeps, whose features, which point and prototypes, how the files are read."""
    parser = argparse.ArgumentParser(description='Pictures, .ply and a page of the features of sweeps', **more)
    parser.add_argument('sweeps', nargs='+', type=home_path, metavar='SWEEP', help='.bin .pcd .npy .npz .ply .feather')
    whose = 'pretraining checkpoint, or exported file such as weights/second_small.pth'
    parser.add_argument('--checkpoint', required=True, metavar='[DATASET=]PATH', help=whose)
    parser.add_argument('--config', help='of the pretraining; default: in the file, or the one beside it')
    parser.add_argument('--out-dir', type=home_path, default=home_path('work_dirs/features'), help='folder to write')
    place = 'place in the first sweep [m]; similarity to the point nearest to it'
    parser.add_argument('--point', type=float, nargs='+', metavar=('X', 'Y'), help=place)
    parser.add_argument('--prototypes', type=int, nargs='+', default=[], help='numbers; default: the most used')
    parser.add_argument('--most-used', type=int, default=16, help='so many prototypes in the page')
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
    if args.most_used < 1:
        raise InputError(f'--most-used {args.most_used}: wanted 1 or more')
    if args.intensity_max is not None and not args.intensity_max > 0:
        raise InputError(f'--intensity-max {args.intensity_max}: wanted a positive number')


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


def main() -> None:
    """Read, encode, write; tell what is like the chosen point."""
    args = make_parser().parse_args()
    check_args(args)
    source = source_of(args.checkpoint, args.config)
    options = ReadOptions(args.bin_columns, args.npz_key, args.missing_intensity)
    check_files(args.out_dir, args.sweeps)
    frame = known_frame(source, args)
    announce(f'visualize: {len(args.sweeps)} sweeps as {args.checkpoint} sees them; results: {args.out_dir}')
    model = load_source(source)
    sweeps = see(model, source, SweepFiles(args.sweeps, options, args.intensity_max), frame)
    both = softmaps_parts(sweeps)
    softmaps = both and softmaps_of(model, *both, most_used=args.most_used, chosen=args.prototypes)
    if args.prototypes and softmaps is None:
        raise InputError(f'--prototypes: {source.checkpoint} has no head with prototypes, so it has no softmaps')
    together = SeenTogether(sweeps, softmaps)
    chosen = together.chosen(args.point) if args.point else None
    written = together.files(args.out_dir, chosen, n_prototypes=len(args.prototypes) or 4)
    write_together(written)
    print(source.input.note)
    report(together, chosen)
    print('written: ' + ', '.join(str(path) for path, content in written.items() if content is not None))


def report(together: SeenTogether, chosen: Chosen | None) -> None:
    """Sizes, and the places that are most like the chosen one."""
    for sweep in together.sweeps:
        print(f'{sweep.file}: {len(sweep.points)} points, {len(sweep.teacher)} loss voxels; {sweep.n_outside} outside')
    print(f'similarities: cosines on {together.directions[0].shape[1]} principal axes, {together.kept:.1%} of variance')
    if together.softmaps is None:
        print('no head in this checkpoint: no softmaps')
    for number, rows in enumerate(chosen.nearest if chosen else (), start=1):
        sweep = together.sweeps[number]
        for row in rows:
            cosine = chosen.cosines[number][sweep.cell_of_point[row]]
            print(f'{sweep.file.name}: {sweep.points[row, :3].numpy().round(2).tolist()} m, cosine {cosine:.3f}')
