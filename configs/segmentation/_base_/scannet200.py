"""ScanNet200 (200 classes, whole scans): what differs from ScanNet. The same files, other labels, and a mean over each
of the groups head, common and tail."""

_base_ = './scannet.py'

num_classes = 200
classes = dict(num_classes=num_classes, ignore_index=num_classes)

_data = dict(
    _delete_=True,
    type='ScanNet200Seg',
    data_root=_base_.data_root,
)
train_dataloader = dict(
    dataset=dict(**_data, ann_file='scannet_infos_train.pkl', pipeline=_base_.train_pipeline),
)
test_dataloader = dict(
    dataset=dict(**_data, ann_file='scannet_infos_val.pkl', pipeline=_base_.test_pipeline, test_mode=True),
)
test_evaluator = dict(type='GroupedSegMetric')
val_dataloader = test_dataloader
val_evaluator = test_evaluator
