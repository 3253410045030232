"""Turns Point Transformer V3 weights of Pointcept (PTv3, Sonata, Concerto, Utonia) into a weight file of ours."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..files import check_output
from .conversion import Conversion, check_fit, places_of
from .files import groups_of, is_kernel, is_ours, read_checkpoint, tensors_in, to_spconv1, write_weights
from .pointcept_config import ptv3_config, warnings_about

FORMAT = 'dos_mm3d ptv3 1'
KERNEL_LAYOUT = 'spconv-1: (kx, ky, kz, C_in, C_out)'
BRANCHES = ('student', 'teacher')
PREFIXES = ('', 'backbone.', *(f'{branch}.backbone.' for branch in BRANCHES))
STEM = re.compile(r'^(.*?)embedding\.stem\.')
# a list of norms, one per training set, in place of one norm (PPT); `down.norm.0` is an ordinary name
CONDITION = re.compile(r'^(?P<before>.*?(?<!\.down))\.norm\.(?P<index>\d+)\.(?P<leaf>[a-z_]+)$')
MODULATION = re.compile(r'\.modulation\.\d+\.')
WANTED = (
    'Give a file of Sonata, Concerto, Utonia or PTv3: a published one {config, state_dict}, or one that Pointcept '
    'wrote while it trained or pretrained'
)


def convert_pointcept(
    path: str | Path,
    out_path: str | Path,
    *,
    branch: str | None = None,
    condition: int | None = None,
    given: Mapping[str, Any] | None = None,
) -> Conversion:
    """Write the backbone of a Pointcept file under the names of :class:`PTv3`, for its ``init_cfg``.

    The file is `{'state_dict': plain dict of float32 tensors, 'meta': dict}`; `meta['model']` are the arguments of the
    model that it fits, and `meta['settings_from']` says where each of them comes from. Kernels are in spconv-1 layout,
    which mmdet3d's loader wants of a plain dict. Nothing in the file is executed.

    Args:
        path: a file of PTv3, Sonata, Concerto or Utonia.
        out_path: the file to write.
        branch: 'student' (default) or 'teacher' of a pretraining.
        condition: whose norms, in files with a list of them for each training set (PPT).
        given: settings that the file does not have, under the names of published configs.

    Raises:
        MissingFileError: there is no such file.
        InputError: it is not of this family, needs code to load, is not finite or not whole, or its shapes contradict
            one another or its config; or nothing says what shapes do not show.
        OutputExistsError: `out_path` is the file itself, or anything else that no conversion has written.
    """
    check_output(out_path, path, ours=is_ours)
    source, given = str(path), given or {}
    checkpoint = read_checkpoint(path)
    tensors = tensors_in(checkpoint, source, WANTED, bare=True)
    prefix = find_prefix(tensors, branch, source)
    inside = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    names = pick_condition(inside, condition, source)
    backbone = {plain: inside[name] for plain, name in names.items()}
    published = checkpoint.get('config') if isinstance(checkpoint.get('config'), Mapping) else {}
    model, origins = ptv3_config(backbone, published, given, source=source)
    places = places_of(model, source)
    check_fit(backbone, places, source)
    weights = {name: as_ours(backbone[name]) for name in places if name in backbone}
    facts = dict(
        format=FORMAT,
        kernel_layout=KERNEL_LAYOUT,
        model=model,
        branch=prefix.split('.')[0] if prefix else None,
        settings_from=origins,
    )
    write_weights(weights, out_path, facts, source=path)
    used = {prefix + names[name] for name in weights}
    return Conversion(
        used=tuple(name for name in tensors if name in used),
        unused=tuple(name for name in tensors if name not in used),
        missing=tuple(name for name in places if name not in weights),
        model=model,
        origins=origins,
        warnings=tuple(warnings_about(origins, published, given, decoder='decoder' in model)),
        parameters=sum(value.numel() for value in weights.values()),
    )


def as_ours(value: Tensor) -> Tensor:
    """In full precision, kernels in the layout of spconv 1."""
    if not value.is_floating_point():
        return value.clone()
    return to_spconv1(value.float()) if is_kernel(value) else value.float().contiguous()


def find_prefix(tensors: Mapping[str, Tensor], branch: str | None, source: str) -> str:
    """What stands before the names of the wanted backbone; of a pretraining's two, the student by default.

    ValueError if there is none, or if ``branch`` is asked of a file that has no branches.
    """
    found = sorted({match[1] for name in tensors if (match := STEM.match(name))})
    if not found or not set(found) <= set(PREFIXES):
        raise InputError(
            f'{source}: not a Point Transformer V3. Found {groups_of(tensors, 2)}; wanted embedding.stem.* and '
            f'enc.enc0.block0.* behind one of {", ".join(repr(prefix) for prefix in PREFIXES)}. {WANTED}'
        )
    branches = [prefix.split('.')[0] for prefix in found if prefix.split('.')[0] in BRANCHES]
    if branch is not None and branch not in branches:
        raise InputError(f'{source}: has no branch {branch}, only {found}; leave --branch out for such a file')
    if branches:
        return f'{branch or branches[0]}.backbone.'
    if len(found) > 1:
        raise InputError(f'{source}: holds several backbones, behind {found}; {WANTED}')
    return found[0]


def pick_condition(tensors: Mapping[str, Tensor], condition: int | None, source: str) -> dict[str, str]:
    """Plain name -> name in the file, where norms are lists with one per training set (PPT) those of one set.

    ValueError if the file has such norms and no ``condition`` is given, or the other way round.
    """
    if adaptive := [name for name in tensors if MODULATION.search(name)]:
        raise InputError(f'{source}: {adaptive[0]} modulates norms by a language embedding, which is not built here')
    matches = {name: CONDITION.match(name) for name in tensors}
    count = max((int(match['index']) + 1 for match in matches.values() if match), default=0)
    if count and (condition is None or not 0 <= condition < count):
        raise InputError(
            f'{source}: its norms are lists of {count}, one per training set (PPT), condition is {condition}: choose '
            f'one with --condition 0 to {count - 1}, in the order of its pdnorm_conditions'
        )
    if condition is not None and not count:
        raise InputError(f'{source}: its norms are plain, leave --condition out')
    kept = {name: match for name, match in matches.items() if match is None or int(match['index']) == condition}
    return {f'{match["before"]}.{match["leaf"]}' if match else name: name for name, match in kept.items()}
