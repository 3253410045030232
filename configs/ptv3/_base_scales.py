"""Factors that bring the columns of points to the order of 1: `input_scale` of Point Transformer V3, by the columns."""

_xyz = [1 / 50, 1 / 50, 1 / 5]  # metres, outdoors
ptv3_scales = dict(
    lidar_255_lag=[*_xyz, 1 / 255, 2.0],  # intensity 0-255, time lag in seconds
    lidar_unit=[*_xyz, 1.0],  # intensity 0-1
    lidar_unit_elongation=[*_xyz, 1.0, 1.0],  # tanh(intensity), elongation
    indoor=[1 / 5, 1 / 5, 1 / 2, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],  # x, y, z in metres, colours 0-1, unit normals
)
