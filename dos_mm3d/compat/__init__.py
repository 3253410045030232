"""Repairs of bugs in the libraries below us, a file for each library, a function for each bug: nothing else.

A function's docstring says what goes wrong (Symptom) in which version, which test shows it, and when the repair can go.
``dos_mm3d`` applies all of them when it is imported, before anything imports mmdet3d.
"""

from functools import cache

from . import mmcv, mmdet3d, mmengine, numpy, nuscenes_devkit, spconv, spconv_triton

REPAIRS = (
    spconv_triton.put_triton_in_place_of_spconv,  # before the others import spconv
    mmengine.store_one_cycle_as_numbers,
    mmengine.warm_up_for_one_step,
    numpy.restore_numpy_long,
    mmengine.allow_checkpoint_classes,
    mmengine.write_files_atomically,
    mmengine.keep_the_config_file,
    mmengine.compute_with_one_thread_in_loader_workers,
    mmengine.draw_bars_on_terminals_only,
    mmengine.launch_ranks_without_gpu,
    mmengine.wrap_cpu_models_without_device_ids,
    nuscenes_devkit.score_no_predictions_as_zero,
    spconv.convolve_sparsely_on_cpu,
    spconv.take_native_algorithm_on_cpu,
    spconv.normalise_no_sites_with_other_ranks,
    spconv.convolve_in_full_precision_under_bfloat16,
    mmcv.convolve_sparsely_with_mmcv_on_cpu,
    mmcv.scatter_points_on_cpu,
    # from here on with an import of mmdet3d, which needs those above
    mmdet3d.place_previous_sweeps,
    mmdet3d.find_sweeps_by_their_folder,
    mmdet3d.name_files_in_loading_errors,
    mmdet3d.voxelize_for_minkunet_on_any_device,
    mmdet3d.build_minkunet_twice,
    mmdet3d.balance_classes_that_are_there,
    mmdet3d.paste_only_classes_that_are_there,
)


@cache
def apply() -> None:
    """Make every repair once; a second call does nothing."""
    for repair in REPAIRS:
        repair()
