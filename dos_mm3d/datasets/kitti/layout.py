"""Where KITTI's files lie, and how many columns their rows have."""

SPLITS = {'train': 'training', 'val': 'training', 'test': 'testing'}
"""List of frames (ImageSets/train.txt) -> folder of their files; those of 'test' have no labels."""

NAMES = ('Car', 'Van', 'Truck', 'Pedestrian', 'Person_sitting', 'Cyclist', 'Tram', 'Misc', 'DontCare')
"""What a line of label_2 begins with. DontCare: a region of the image whose objects nobody labelled."""

CALIBRATION = {
    **{f'P{camera}': 12 for camera in range(4)},
    'R0_rect': 9,
    'Tr_velo_to_cam': 12,
    'Tr_imu_to_velo': 12,
}
"""Line of a calib file, in order -> how many numbers it has."""

POINT_BYTES = 16
IMAGE_SIZE = (1242, 375)
"""Width and height [px] that are taken where an image is not there: of most images of the set."""
