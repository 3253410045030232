"""Random scenes for KITTI's metric, and mmdet3d's own evaluation that they are compared with."""
