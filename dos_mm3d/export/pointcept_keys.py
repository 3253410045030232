"""Names in Pointcept's files: which are the backbone's, and what they are without prefix (docs/ptv3.md, "Keys")."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..errors import InputError
from .files import groups_of, tensors_in

BRANCHES = ('student', 'teacher')
PREFIXES = ('', 'backbone.', *(f'{branch}.backbone.' for branch in BRANCHES))
STEM = re.compile(r'^(.*?)embedding\.stem\.')
# a list of norms, one per training set, in place of one norm (PPT); `down.norm.0` is an ordinary name
CONDITION = re.compile(r'^(?P<before>.*?(?<!\.down))\.norm\.(?P<index>\d+)\.(?P<leaf>[a-z_]+)$')
MODULATION = re.compile(r'\.modulation\.\d+\.')


def state_dict_of(checkpoint: Mapping[str, Any], source: str) -> dict[str, Tensor]:
    """The tensors of a published, trainer or pretraining file, without the `module.` of several GPUs."""
    tensors = tensors_in(checkpoint, source, WANTED, bare=True)
    return {name.removeprefix('module.'): value for name, value in tensors.items()}


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


WANTED = (
    'Give a file of Sonata, Concerto, Utonia or PTv3: a published one {config, state_dict}, or one that Pointcept '
    'wrote while it trained or pretrained'
)
