"""What networks are fed of nuScenes: the columns of its points, with earlier sweeps or without."""

custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
