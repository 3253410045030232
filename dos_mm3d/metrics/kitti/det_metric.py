"""mmdet3d's KittiMetric on a CPU: under its name, so that its configs need no change."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import PurePath

from mmdet3d.evaluation.metrics import KittiMetric as UpstreamKittiMetric
from mmdet3d.registry import METRICS
from mmengine.logging import print_log

from ...datasets.info_pickle import load_info_pickle
from ...errors import InputError
from .difficulty import CLASSES, DIFFICULTIES
from .metrics import STRICTNESS, kitti_average_precision


@METRICS.register_module(name='KittiMetric', force=True)
class KittiMetric(UpstreamKittiMetric):
    """mmdet3d's KittiMetric with an evaluation that needs no CUDA; arguments and the numbers' names are upstream's.

    Predictions whose box does not meet the image, or whose centre is outside of `pcd_limit_range`, are dropped before
    they are scored, as upstream does: labels are only where the camera looks.

    Two upstream faults are mended on the way (mmdet3d 1.4.0). It looks labels up by a sample's place in the data set,
    and stops where only a part of the info file's frames is tested: here a frame is known by the name of its point
    file. It stops where the first frame has no label.
    """

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep every frame's predictions, and which frame it is."""
        super().process(data_batch, data_samples)
        for result, sample in zip(self.results[-len(data_samples) :], data_samples, strict=True):
            result['lidar_path'] = sample.get('lidar_path')  # none of cameras alone

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """The numbers of `kitti_average_precision`, under 'pred_instances_3d/' and, of boxes in the image,
        'pred_instances/'."""
        self.classes = self.dataset_meta['classes']
        entries = self.convert_annos_to_kitti_annos(self.tested_infos(results))
        # by KITTI's own numbers, after which files for the server are named, too
        self.data_infos = {entry['sample_idx']: entry for entry in entries}
        found = self.formatted(results)
        if self.format_only:
            return {}
        truth = [entry['kitti_annos'] for entry in entries]
        numbers = {}
        for (name, predictions), metric in product(found.items(), self.metrics):
            kinds = ('2D',) if name == 'pred_instances' or metric == 'img_bbox' else ('3D', 'BEV', '2D')
            scores = kitti_average_precision(truth, predictions, self.classes, kinds)
            numbers |= {f'{name}/{key}': value for key, value in scores.items()}
            print_log(f'{name} of {len(truth)} frames:\n{table(scores, self.classes, kinds)}', logger='current')
        return numbers

    def tested_infos(self, results: Sequence[Mapping]) -> dict:
        """The info file with the entries of the frames that were tested, in their order."""
        infos = load_info_pickle(self.ann_file, data_set='kitti')
        by_name = {PurePath(info['lidar_points']['lidar_path']).name: info for info in infos['data_list']}
        names = [
            PurePath(
                result['lidar_path'] or infos['data_list'][result['sample_idx']]['lidar_points']['lidar_path']
            ).name
            for result in results
        ]
        if strangers := [name for name in names if name not in by_name]:
            raise InputError(
                f'{self.ann_file}: has no frame {strangers[0]}, which was tested, the first of {len(strangers)}; '
                'wanted the infos of the test data set. Let ann_file of the evaluator be that of the test data set.'
            )
        entries = [by_name[name] for name in names]
        if not self.format_only and not any(entry.get('instances') for entry in entries):
            raise InputError(
                f'{self.ann_file}: the frames that were tested have no labels, as those of the test split. Test '
                'on kitti_infos_val.pkl, or write results for the server: test_evaluator.format_only=True '
                'test_evaluator.submission_prefix=FOLDER'
            )
        return {**infos, 'data_list': entries}

    def formatted(self, results: Sequence[Mapping]) -> dict[str, list[dict]]:
        """Predictions of every frame as KITTI has them; of boxes in the image only where there are any."""
        writers = {'pred_instances_3d': self.bbox2result_kitti, 'pred_instances': self.bbox2result_kitti2d}
        found = {}
        for name, write in writers.items():
            outputs = [result[name] for result in results]
            if name == 'pred_instances_3d' or any(outputs):
                files = [prefix and f'{prefix}/{name}' for prefix in (self.pklfile_prefix, self.submission_prefix)]
                found[name] = write(outputs, list(self.data_infos), self.classes, *files)
        return found


def table(numbers: Mapping[str, float], classes: Sequence[str], kinds: Sequence[str]) -> str:
    """AP at 40 and at 11 recalls, three difficulties each, a line for each class, kind and strictness."""
    lines = [f'{"":26}' + ''.join(f'{average:>8}' + ' ' * 16 for average in ('AP40', 'AP11'))]
    lines.append(f'{"":26}' + ''.join(f'{one.name[:8]:>8}' for one in DIFFICULTIES) * 2)
    for name in (one for one in classes if one in CLASSES):
        for kind, strictness in product((*kinds, 'AOS'), STRICTNESS):
            keys = [
                f'KITTI/{name}_{kind}_{average}_{one.name}_{strictness}'
                for average, one in product(('AP40', 'AP11'), DIFFICULTIES)
            ]
            if keys[0] in numbers:
                lines.append(f'{name:11}{kind:5}{strictness:10}' + ''.join(f'{numbers[key]:8.2f}' for key in keys))
        counts = ''.join(f'{numbers[f"KITTI/{name}_boxes_{one.name}"]:8.0f}' for one in DIFFICULTIES)
        lines.append(f'{f"{name} labels that count":26}{counts}')
    return '\n'.join(lines)
