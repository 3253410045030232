"""The classes of a head are those of its data, in their order, before anything long starts."""

import pytest
from mmengine.config import Config

from dos_mm3d.engine.class_names import check_classes
from dos_mm3d.errors import UserError

CLASSES = ['car', 'bus', 'pedestrian']


def config(head: dict, classes: list[str] | None, pasted: list[str] | None = None) -> Config:
    dataset = dict(type='KittiDataset', pipeline=[dict(type='LoadPointsFromFile')])
    if classes is not None:
        dataset['metainfo'] = dict(classes=classes)
    if pasted is not None:
        dataset['pipeline'].append(dict(type='ObjectSample', db_sampler=dict(classes=pasted)))
    loader = dict(dataset=dict(type='RepeatDataset', dataset=dataset))
    return Config(dict(model=dict(pts_bbox_head=head), train_dataloader=loader, test_dataloader=None))


def tasks(*names: list[str]) -> dict:
    return dict(tasks=[dict(num_class=len(one), class_names=one) for one in names])


def check(cfg: Config) -> None:
    check_classes(cfg, ('train_dataloader', 'test_dataloader'))


def test_tasks_that_number_the_classes_of_the_data_are_taken():
    check(config(tasks(['car'], ['bus', 'pedestrian']), CLASSES, pasted=CLASSES))
    check(config(dict(num_classes=3), CLASSES))
    check(config({}, CLASSES))


@pytest.mark.parametrize(
    ('head', 'message'),
    [
        (tasks(['car', 'bus']), 'tasks are car, bus; .*numbers others: car, bus, pedestrian'),
        (tasks(['bus'], ['car', 'pedestrian']), 'the same in another order'),
        (tasks(['car'], ['bus', 'cyclist']), 'bus, cyclist; .*numbers others'),
        (dict(num_classes=10), r'num_classes is 10, and .*3 classes'),
    ],
)
def test_others_are_refused(head, message):
    with pytest.raises(UserError, match=message):
        check(config(head, CLASSES))


def test_the_classes_that_a_data_set_has_by_itself_count_where_its_config_says_none():
    with pytest.raises(UserError, match='numbers others: Pedestrian, Cyclist, Car'):
        check(config(tasks(CLASSES), None))


def test_pasted_boxes_are_numbered_by_the_same_list():
    with pytest.raises(UserError, match=r'classes of ObjectSample\.db_sampler are bus, car, pedestrian'):
        check(config(tasks(CLASSES), CLASSES, pasted=['bus', 'car', 'pedestrian']))
