"""Hooks of the runner."""

from .checkpoint import CheckpointHook
from .collapse_monitor import CollapseError, CollapseMonitorHook
from .data_wait import DataWaitHook, MemberSharesHook
from .dos import DOSHook, require_moved_teacher
from .feature_pictures import FeaturePictureHook
from .frozen_start import FrozenStartHook
from .going_on import GoOnHook
from .l2_sp import L2SPHook
from .no_score import NoScoreHook
from .probe_head import ProbeHeadHook
from .ready import ReadyHook
from .skip_weights import SkipWeightsHook
from .target_batch_norm import TargetBatchNormHook
